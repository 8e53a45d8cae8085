// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';
import type { SystemControl } from './system_control.js';

const DEBUG_EXIT_PORT = 0xf4;
const DEBUG_CONSOLE_PORT = 0xe9;
const POST_PORT = 0x80;

/** Ports for test programs: debug exit at F4h, a console without a protocol at E9h, the POST code at 80h. */
export class DebugPorts extends StatefulDevice<{ post: number }> {
  readonly name = 'debug_ports';

  /** @param console takes each byte written to port E9h. */
  constructor(
    bus: IoBus,
    private readonly system: SystemControl,
    private readonly console: (byte: number) => void,
  ) {
    super();
    claimRegisters(bus, this.registers());
  }

  protected initialState(): { post: number } {
    return { post: 0 };
  }

  /** The last POST code: it shows how far a program got before it died. */
  get postCode(): number {
    return this.state.post;
  }

  private registers(): PortRegister[] {
    return [
      { port: DEBUG_EXIT_PORT, width: 'any', write: (value) => this.system.debugExit(value) },
      // The device decodes four ports, of which the first has a register.
      { port: DEBUG_EXIT_PORT + 1, ports: 3, width: 'any' },
      // A read of E9h returns E9h. Programs detect the port by that.
      { port: DEBUG_CONSOLE_PORT, read: () => DEBUG_CONSOLE_PORT, write: (value) => this.console(value) },
      { port: POST_PORT, read: () => this.state.post, write: (value) => void (this.state.post = value) },
    ];
  }
}
