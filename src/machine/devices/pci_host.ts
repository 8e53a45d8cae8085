// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { IoBus, PortHandler } from './io_bus.js';

const ADDRESS_PORT = 0xcf8;
const DATA_PORT = 0xcfc;
const ENABLED = 0x80000000;
/** Configuration words of the host bridge: an Intel 440FX, class 06 00 (host bridge). */
const HOST_BRIDGE: Readonly<Record<number, number>> = { 0x00: 0x12378086, 0x04: 0x00000006, 0x08: 0x06000002 };

/** PCI configuration mechanism 1 at CF8h and CFCh: a host bridge and an otherwise empty bus. PCI Local Bus Specification. */
export class PciHost extends StatefulDevice<{ address: number }> implements PortHandler {
  readonly name = 'pci_host';

  constructor(bus: IoBus) {
    super();
    bus.claimPorts(ADDRESS_PORT, 1, this, 'any');
    bus.claimPorts(DATA_PORT, 4, this, 'any');
  }

  protected initialState(): { address: number } {
    return { address: 0 };
  }

  readPort(port: number, size: AccessSize): number {
    if (port === ADDRESS_PORT) return size === 4 ? this.state.address : 0xffffffff;
    const { address } = this.state;
    if (!(address & ENABLED) || (address & 0xffff00) !== 0) return 0xffffffff;
    const word = HOST_BRIDGE[address & 0xfc] ?? 0;
    return word >>> ((port & 3) * 8);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    // Byte writes to CF8h … CFBh belong to other devices (CF9h is the reset control).
    if (port === ADDRESS_PORT && size === 4) this.state.address = (value & 0x80fffffc) >>> 0;
  }
}
