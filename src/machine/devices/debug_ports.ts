// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { IoBus, PortHandler } from './io_bus.js';
import type { SystemControl } from './system_control.js';

const DEBUG_EXIT_PORT = 0xf4;
const DEBUG_CONSOLE_PORT = 0xe9;
const POST_PORT = 0x80;

/** Ports for test programs: debug exit at F4h, a console without a protocol at E9h, the POST code at 80h. */
export class DebugPorts extends StatefulDevice<{ post: number }> implements PortHandler {
  readonly name = 'debug_ports';

  /** @param console takes each byte written to port E9h. */
  constructor(
    bus: IoBus,
    private readonly system: SystemControl,
    private readonly console: (byte: number) => void,
  ) {
    super();
    bus.claimPorts(DEBUG_EXIT_PORT, 4, this, 'any');
    bus.claimPorts(DEBUG_CONSOLE_PORT, 1, this);
    bus.claimPorts(POST_PORT, 1, this);
  }

  protected initialState(): { post: number } {
    return { post: 0 };
  }

  /** The last POST code: it shows how far a program got before it died. */
  get postCode(): number {
    return this.state.post;
  }

  readPort(port: number): number {
    // A read of E9h returns E9h. Programs detect the port by that.
    if (port === DEBUG_CONSOLE_PORT) return DEBUG_CONSOLE_PORT;
    return port === POST_PORT ? this.state.post : 0xff;
  }

  writePort(port: number, _size: AccessSize, value: number): void {
    if (port === DEBUG_EXIT_PORT) this.system.debugExit(value);
    else if (port === DEBUG_CONSOLE_PORT) this.console(value);
    else if (port === POST_PORT) this.state.post = value;
  }
}
