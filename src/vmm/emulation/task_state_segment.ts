// SPDX-License-Identifier: LGPL-2.1-only
import type { LinearMemory } from './linear_memory.js';

/** Where a TSS has what. Offsets and sizes in bytes. SDM 3A "Task-State Segment (TSS)", "16-Bit Task-State Segment (TSS)". */
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
  readonly selectorCount: number;
  readonly ldt: number;
}

const format32: TssFormat = {
  bytes: 0x68,
  written: 0x60,
  eip: 0x20,
  eflags: 0x24,
  registers: 0x28,
  registerBytes: 4,
  selectors: 0x48,
  selectorStep: 4,
  selectorCount: 6,
  ldt: 0x60,
};
const format16: TssFormat = {
  bytes: 0x2c,
  written: 0x2a,
  eip: 0x0e,
  eflags: 0x10,
  registers: 0x12,
  registerBytes: 2,
  selectors: 0x22,
  selectorStep: 2,
  selectorCount: 4,
  ldt: 0x2a,
};
/** Of a 32-bit TSS alone. */
const cr3Offset = 0x1c;
const trapOffset = 0x64;
const generalRegisters = 8;

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
    for (let index = 0; index < format.selectorCount; index++) {
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
      cr3: is32Bit ? this.read(cr3Offset, 4) : undefined,
      eip: this.read(format.eip, format.registerBytes),
      eflags: this.read(format.eflags, format.registerBytes),
      registers: Array.from(
        { length: generalRegisters },
        (_, index) => (upper | this.read(format.registers + index * format.registerBytes, format.registerBytes)) >>> 0,
      ),
      selectors: Array.from({ length: format32.selectorCount }, (_, index) =>
        index < format.selectorCount ? this.read(format.selectors + index * format.selectorStep, 2) : 0,
      ),
      ldt: this.read(format.ldt, 2),
      isTrapped: is32Bit && (this.read(trapOffset, 2) & 1) !== 0,
    };
  }

  /** The selector of the TSS to which IRET returns. */
  writeLink(selector: number): void {
    this.write(0, 2, selector);
  }

  private read(offset: number, bytes: number): number {
    return this.memory.read(this.base + BigInt(offset), bytes, 'system');
  }

  private write(offset: number, bytes: number, value: number): void {
    this.memory.write(this.base + BigInt(offset), bytes, value, 'system');
  }
}
