// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';
import type { SystemControl } from './system_control.js';

const SHUTDOWN_PORT = 0x8900;
const FAST_RESET_PORT = 0x92;
const RESET_CONTROL_PORT = 0xcf9;
const SHUTDOWN_TEXT = 'Shutdown';

interface PowerPortsState {
  /** How many letters of "Shutdown" have been written so far. */
  letters: number;
  port92: number;
  resetControl: number;
}

/** Ports that end or restart the machine: Bochs' 8900h ("Shutdown"), port 92h (fast reset and A20), the PCI reset control CF9h. */
export class PowerPorts extends StatefulDevice<PowerPortsState> {
  readonly name = 'power_ports';

  constructor(
    bus: IoBus,
    private readonly system: SystemControl,
  ) {
    super();
    claimRegisters(bus, this.registers());
  }

  protected initialState(): PowerPortsState {
    return { letters: 0, port92: 2, resetControl: 0 };
  }

  private registers(): PortRegister[] {
    return [
      { port: SHUTDOWN_PORT, write: (value) => this.letter(value) },
      { port: FAST_RESET_PORT, read: () => this.state.port92, write: (value) => this.writePort92(value) },
      {
        port: RESET_CONTROL_PORT,
        read: () => this.state.resetControl,
        write: (value) => this.writeResetControl(value),
      },
    ];
  }

  private letter(value: number): void {
    const matches = value === SHUTDOWN_TEXT.charCodeAt(this.state.letters);
    this.state.letters = matches ? this.state.letters + 1 : value === SHUTDOWN_TEXT.charCodeAt(0) ? 1 : 0;
    if (this.state.letters < SHUTDOWN_TEXT.length) return;
    this.state.letters = 0;
    this.system.powerOff('port 0x8900');
  }

  private writePort92(value: number): void {
    const rising = value & ~this.state.port92 & 1;
    this.state.port92 = value & 3;
    this.system.setA20((value & 2) !== 0);
    if (rising) this.system.reset('port 0x92');
  }

  private writeResetControl(value: number): void {
    const rising = value & ~this.state.resetControl & 4;
    this.state.resetControl = value & 0xe;
    if (rising) this.system.reset('port 0xcf9');
  }
}
