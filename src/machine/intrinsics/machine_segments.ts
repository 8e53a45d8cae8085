// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import {
  segmentNames,
  type SegmentName,
  type Segments,
  type TableRegister,
} from '../../intrinsics/instructions/segments.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import type { Execution } from './execution.js';
import { lowHalf } from '../processor/halves.js';
import type { Segment, Table } from '../processor/register_names.js';

const writers: Readonly<Record<SegmentName, DriverInstruction | undefined>> = {
  es: 'writeEs',
  cs: undefined,
  ss: 'writeSs',
  ds: 'writeDs',
  fs: 'writeFs',
  gs: 'writeGs',
  ldtr: 'lldt',
  tr: 'ltr',
};
const readers: Readonly<Record<SegmentName, DriverInstruction>> = {
  es: 'readEs',
  cs: 'readCs',
  ss: 'readSs',
  ds: 'readDs',
  fs: 'readFs',
  gs: 'readGs',
  ldtr: 'sldt',
  tr: 'str',
};

/** Segment selectors and table registers of the simulated processor. */
export class MachineSegments implements Segments {
  constructor(private readonly execution: Execution) {}

  readSelector(segment: SegmentName): number {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      execution.execute(readers[segment]);
      return lowHalf(execution.registers.get('RAX')) & 0xffff;
    }
    execution.loadHost();
    return execution.registers.get(segment.toUpperCase() as Segment).selector;
  }

  writeSelector(segment: SegmentName, selector: number): void {
    const { execution } = this;
    const writer = writers[segment];
    if (execution.isGuestAfterExits()) {
      if (writer === undefined) {
        throw new ProcessorFault(6, undefined, 'MOV CS raised #UD: a guest loads CS by far transfers only');
      }
      execution.registers.set('RAX', selector);
      execution.execute(writer);
      return;
    }
    execution.loadHost();
    // CS is loaded as by a far return to the next instruction. A VMM that promotes its guest gets the guest's CS in that way.
    execution.check(
      execution.processor.core.loadSegment(segmentNames.indexOf(segment), selector),
      `loading ${segment.toUpperCase()} with selector 0x${selector.toString(16)}`,
    );
  }

  sgdt(): TableRegister {
    return this.readTable('sgdt', 'GDTR');
  }

  lgdt(table: TableRegister): void {
    this.writeTable('lgdt', 'GDTR', table);
  }

  sidt(): TableRegister {
    return this.readTable('sidt', 'IDTR');
  }

  lidt(table: TableRegister): void {
    this.writeTable('lidt', 'IDTR', table);
  }

  private readTable(name: DriverInstruction, register: Table): TableRegister {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      const offset = this.pointAtOperand();
      execution.execute(name);
      const bytes = new DataView(execution.u32.buffer, offset, 10);
      return { limit: bytes.getUint16(0, true), base: bytes.getBigUint64(2, true) };
    }
    execution.loadHost();
    return execution.registers.get(register);
  }

  private writeTable(name: DriverInstruction, register: Table, table: TableRegister): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      const operand = new DataView(new ArrayBuffer(10));
      operand.setUint16(0, table.limit, true);
      operand.setBigUint64(2, table.base, true);
      execution.writer.write(this.pointAtOperand(), new Uint8Array(operand.buffer));
      execution.execute(name);
      return;
    }
    if (BigInt.asIntN(48, table.base) !== BigInt.asIntN(64, table.base)) {
      throw new ProcessorFault(
        13,
        0,
        `${name.toUpperCase()} raised #GP: base 0x${table.base.toString(16)} is not canonical`,
      );
    }
    execution.loadHost();
    execution.registers.set(register, { base: table.base, limit: table.limit & 0xffff });
  }

  private pointAtOperand(): number {
    const { virtual, offset } = this.execution.driver.operandAddress();
    this.execution.registers.set('RDI', virtual);
    return offset;
  }
}
