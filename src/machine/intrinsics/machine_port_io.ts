// SPDX-License-Identifier: LGPL-2.1-only
import type { PortIo } from '../../intrinsics/instructions/port_io.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import type { Execution } from './execution.js';
import { lowHalf } from '../processor/halves.js';

/** IN and OUT on the machine's bus. */
export class MachinePortIo implements PortIo {
  constructor(private readonly execution: Execution) {}

  inb(port: number): number {
    return this.in('inb', port, 1);
  }
  inw(port: number): number {
    return this.in('inw', port, 2);
  }
  ind(port: number): number {
    return this.in('ind', port, 4);
  }
  outb(port: number, value: number): void {
    this.out('outb', port, 1, value & 0xff);
  }
  outw(port: number, value: number): void {
    this.out('outw', port, 2, value & 0xffff);
  }
  outd(port: number, value: number): void {
    this.out('outd', port, 4, value >>> 0);
  }

  private in(name: DriverInstruction, port: number, size: 1 | 2 | 4): number {
    const { execution } = this;
    if (!execution.isGuestAfterExits()) return execution.processor.core.portRead(port & 0xffff, size);
    execution.registers.set('RDX', port & 0xffff);
    execution.execute(name);
    const value = lowHalf(execution.registers.get('RAX'));
    return size === 4 ? value : value & ((1 << (8 * size)) - 1);
  }

  private out(name: DriverInstruction, port: number, size: 1 | 2 | 4, value: number): void {
    const { execution } = this;
    if (!execution.isGuestAfterExits()) {
      execution.processor.core.portWrite(port & 0xffff, size, value);
      return;
    }
    execution.registers.load({ RDX: port & 0xffff, RAX: value });
    execution.execute(name);
  }
}
