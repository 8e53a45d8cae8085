// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { SegmentName, Segments, TableRegister } from '../../intrinsics/segments.js';
import { Layout } from '../layout.js';
import type { DriverInstruction } from '../vmx/driver_pages.js';
import { Word } from '../vmx/words.js';
import type { Execution } from './execution.js';
import { setWord64, word64 } from './halves.js';

const rax = Layout.RAX >>> 2;
const rdi = Layout.RDI >>> 2;

const numbers: Readonly<Record<SegmentName, number>> = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, ldtr: 6, tr: 7 };
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
    if (execution.isGuest) {
      execution.execute(readers[segment]);
      return execution.u32[rax]! & 0xffff;
    }
    execution.loadHost();
    return execution.u32[Word.selectors + numbers[segment]]!;
  }

  writeSelector(segment: SegmentName, selector: number): void {
    const { execution } = this;
    const writer = writers[segment];
    if (execution.isGuest) {
      if (writer === undefined) {
        throw new ProcessorFault(6, undefined, 'MOV CS raised #UD: a guest loads CS by far transfers only');
      }
      setWord64(execution.u32, rax, BigInt(selector));
      execution.execute(writer);
      return;
    }
    execution.loadHost();
    // CS as by a far return to the next instruction: that is how a VMM that promotes its guest gets the guest's.
    execution.check(
      execution.processor.core.loadSegment(numbers[segment], selector),
      `loading ${segment.toUpperCase()} with selector 0x${selector.toString(16)}`,
    );
  }

  sgdt(): TableRegister {
    return this.readTable('sgdt', Word.gdtrBase, Word.gdtrLimit);
  }

  lgdt(table: TableRegister): void {
    this.writeTable('lgdt', table, Word.gdtrBase, Word.gdtrLimit);
  }

  sidt(): TableRegister {
    return this.readTable('sidt', Word.idtrBase, Word.idtrLimit);
  }

  lidt(table: TableRegister): void {
    this.writeTable('lidt', table, Word.idtrBase, Word.idtrLimit);
  }

  private readTable(name: DriverInstruction, base: number, limit: number): TableRegister {
    const { execution } = this;
    if (execution.isGuest) {
      const offset = this.pointAtOperand();
      execution.execute(name);
      const bytes = new DataView(execution.u32.buffer, offset, 10);
      return { limit: bytes.getUint16(0, true), base: bytes.getBigUint64(2, true) };
    }
    execution.loadHost();
    return { base: word64(execution.u32, base), limit: execution.u32[limit]! };
  }

  private writeTable(name: DriverInstruction, table: TableRegister, base: number, limit: number): void {
    const { execution } = this;
    if (execution.isGuest) {
      const bytes = new DataView(execution.u32.buffer, this.pointAtOperand(), 10);
      bytes.setUint16(0, table.limit, true);
      bytes.setBigUint64(2, table.base, true);
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
    setWord64(execution.u32, base, table.base);
    execution.u32[limit] = table.limit & 0xffff;
  }

  private pointAtOperand(): number {
    const { virtual, offset } = this.execution.driver.operandAddress();
    setWord64(this.execution.u32, rdi, virtual);
    return offset;
  }
}
