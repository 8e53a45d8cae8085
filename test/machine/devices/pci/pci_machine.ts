// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../../../../src/machine/devices/device.js';
import { PciBus } from '../../../../src/machine/devices/pci/pci_bus.js';
import { FakePlatform } from '../fake_platform.js';

type Wire = ReturnType<FakePlatform['line']>;

/** A PCI bus on a platform of fakes, with what software does to reach configuration space. */
export class PciMachine {
  readonly platform = new FakePlatform();
  readonly wires: Record<number, Wire> = {};
  readonly pci = new PciBus(this.platform.bus, (irq) => (this.wires[irq] = this.platform.line()));

  read(device: number, offset: number, size: AccessSize = 4): number {
    this.select(device, offset);
    return this.platform.bus.readPort(0xcfc + (offset & 3), size);
  }

  write(device: number, offset: number, value: number, size: AccessSize = 4): void {
    this.select(device, offset);
    this.platform.bus.writePort(0xcfc + (offset & 3), size, value);
  }

  private select(device: number, offset: number): void {
    this.platform.bus.writePort(0xcf8, 4, (0x80000000 | (device << 11) | (offset & 0xfc)) >>> 0);
  }
}
