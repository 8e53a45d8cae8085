// SPDX-License-Identifier: LGPL-2.1-only
import { Tss16, Tss32 } from '../../intrinsics/structures/memory_structures.js';
import type { LinearMemory } from './linear_memory.js';

/** What the two kinds of TSS have in different places. Offsets and sizes in bytes. */
interface TssFormat {
  readonly bytes: number;
  /** Bytes that a switch away from the task writes, from the beginning on. */
  readonly written: number;
  readonly eip: number;
  readonly eflags: number;
  readonly registers: number;
  readonly registerBytes: number;
  readonly selectors: number;
  readonly selectorStep: number;
  readonly ldt: number;
}

const format32: TssFormat = {
  bytes: Tss32.Bytes,
  written: Tss32.Ldt,
  eip: Tss32.Eip,
  eflags: Tss32.Eflags,
  registers: Tss32.Registers,
  registerBytes: 4,
  selectors: Tss32.Segments,
  selectorStep: 4,
  ldt: Tss32.Ldt,
};
const format16: TssFormat = {
  bytes: Tss16.Bytes,
  written: Tss16.Ldt,
  eip: Tss16.Ip,
  eflags: Tss16.Flags,
  registers: Tss16.Registers,
  registerBytes: 2,
  selectors: Tss16.Segments,
  selectorStep: 2,
  ldt: Tss16.Ldt,
};
/** EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI. */
const generalRegisters = 8;
/** ES, CS, SS, DS, FS, GS. */
const segmentRegisters = 6;

/** A 16-bit TSS has no FS and GS. */
const selectorCount = ({ selectors, selectorStep, ldt }: TssFormat): number => (ldt - selectors) / selectorStep;

/** What a TSS keeps of a task. */
export interface TaskImage {
  readonly eip: number;
  readonly eflags: number;
  /** EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI. */
  readonly registers: readonly number[];
  /** ES, CS, SS, DS, FS, GS. */
  readonly selectors: readonly number[];
}

/** What it has besides, to begin the task with. */
export interface NewTask extends TaskImage {
  /** Undefined in a 16-bit TSS. */
  readonly cr3: number | undefined;
  readonly ldt: number;
  /** The T flag: a debug exception before the first instruction. */
  readonly isTrapped: boolean;
}

/** The limit that the descriptor of a TSS must have at least. */
export const leastTssLimit = (is32Bit: boolean): number => (is32Bit ? format32 : format16).bytes - 1;

/** A TSS in a guest's memory. */
export class TaskStateSegment {
  private readonly format: TssFormat;

  constructor(
    private readonly memory: LinearMemory,
    private readonly base: bigint,
    readonly is32Bit: boolean,
  ) {
    this.format = is32Bit ? format32 : format16;
  }

  /** Writes what a task leaves. All of it is probed first. */
  save(task: TaskImage): void {
    const { format, memory, base } = this;
    memory.probe(base, format.written, 'system');
    this.write(format.eip, format.registerBytes, task.eip);
    this.write(format.eflags, format.registerBytes, task.eflags);
    task.registers.forEach((value, index) =>
      this.write(format.registers + index * format.registerBytes, format.registerBytes, value),
    );
    for (let index = 0; index < selectorCount(format); index++) {
      this.write(format.selectors + index * format.selectorStep, 2, task.selectors[index]!);
    }
  }

  /** Reads a task. The TSS must be writable, as the back link may have to be written. */
  load(): NewTask {
    const { format, memory, base, is32Bit } = this;
    memory.probe(base, format.bytes, 'system');
    // SDM: the upper halves are not defined after a switch to a 16-bit task. Processors set them.
    const upper = is32Bit ? 0 : 0xffff0000;
    return {
      cr3: is32Bit ? this.read(Tss32.Cr3, 4) : undefined,
      eip: this.read(format.eip, format.registerBytes),
      eflags: this.read(format.eflags, format.registerBytes),
      registers: Array.from(
        { length: generalRegisters },
        (_, index) => (upper | this.read(format.registers + index * format.registerBytes, format.registerBytes)) >>> 0,
      ),
      selectors: Array.from({ length: segmentRegisters }, (_, index) =>
        index < selectorCount(format) ? this.read(format.selectors + index * format.selectorStep, 2) : 0,
      ),
      ldt: this.read(format.ldt, 2),
      isTrapped: is32Bit && (this.read(Tss32.Trap, 2) & 1) !== 0,
    };
  }

  /** The selector of the TSS to which IRET returns. */
  writeLink(selector: number): void {
    this.write(Tss32.Link, 2, selector);
  }

  private read(offset: number, bytes: number): number {
    return this.memory.read(this.base + BigInt(offset), bytes, 'system');
  }

  private write(offset: number, bytes: number, value: number): void {
    this.memory.write(this.base + BigInt(offset), bytes, value, 'system');
  }
}
