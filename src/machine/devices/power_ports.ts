// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { IoBus, PortHandler } from './io_bus.js';
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
export class PowerPorts extends StatefulDevice<PowerPortsState> implements PortHandler {
  readonly name = 'power_ports';

  constructor(
    bus: IoBus,
    private readonly system: SystemControl,
  ) {
    super();
    bus.claimPorts(SHUTDOWN_PORT, 1, this);
    bus.claimPorts(FAST_RESET_PORT, 1, this);
    bus.claimPorts(RESET_CONTROL_PORT, 1, this);
  }

  protected initialState(): PowerPortsState {
    return { letters: 0, port92: 2, resetControl: 0 };
  }

  readPort(port: number): number {
    if (port === FAST_RESET_PORT) return this.state.port92;
    return port === RESET_CONTROL_PORT ? this.state.resetControl : 0xff;
  }

  writePort(port: number, _size: AccessSize, value: number): void {
    if (port === SHUTDOWN_PORT) this.letter(value);
    else if (port === FAST_RESET_PORT) this.writePort92(value);
    else this.writeResetControl(value);
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
