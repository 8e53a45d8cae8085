// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers, Vector } from '../../src/intrinsics/vmx/exit_information.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { StopReason } from '../../src/machine/layout/stop_reason.js';
import { fromHalves, highHalf, lowHalf } from '../../src/machine/processor/halves.js';
import {
  CR0_PAGED,
  CR4_LONG,
  descriptor,
  EFER_LONG,
  gate64,
  Page,
  PageTables,
  Rights,
  Segment,
  setSegment,
  setWord,
} from '../support/processor_setup.js';
import { assemble } from '../support/assembler.js';
import type { CaseRunner } from './case_runner.js';
import { createTestCore, type TestCore } from '../support/test_core.js';
import { ByteArena } from './cases/byte_arena.js';
import {
  codeLength,
  lowAddressOf,
  Outcome,
  type CaseResult,
  type CaseSegments,
  type InstructionCase,
  writeCode,
} from './cases/instruction_case.js';
import { countsPages, localSegment, localSegments, type LocalSegment } from './cases/local_segments.js';
import { FILLER, initialData, MemoryMap } from './cases/memory_map.js';

// Physical places. The supervisor's pages are mapped in the upper half, where no case looks.
const code = 0x100000;
const data = 0x200000;
const tables = 0x300000;
const supervisor = 0x400000;
const supervisorLinear = 0xffff900000000000n;
const gdt = 0,
  idt = 0x1000,
  tss = 0x2000,
  handlers = 0x3000,
  stackTop = 0x6000,
  ldt = 0x7000;
/** A page of code that accesses the data, at an address to which no case comes. */
const touch = 0x500000;
const touchLinear = 0x666_0000_0000n;

/** Rights of the segment whose limit Linux lets user mode read as the processor's number: expand-down data, read-only, accessed, 32 bits, DPL 3. */
const processorNumberRights = 0x40f5;
/** Rights of the LDT's descriptor: present, type 2. SDM 3A "System Descriptor Types". */
const localTable = 0x82;

/** Longest run of a case: repeated strings take at most some thousand pieces. */
const budget = 20_000;

const supervisorLow = lowHalf(supervisorLinear);
const supervisorHigh = highHalf(supervisorLinear);
const codeAt = Layout.RAM + code;
const dataAt = Layout.RAM + data;
const PAGE_BYTES = 0x1000;
const windowEnd = MemoryMap.window + MemoryMap.windowBytes;
const noBytes = new Uint8Array(0);

const { rsp: RSP } = registerNumbers;

/** Indexes of words that each case touches. V8 is slow at look-ups in an object as large as `Layout`. */
const Word = {
  registers: Layout.RAX / 4,
  rsp: Layout.RSP / 4,
  rip: Layout.RIP / 4,
  cpl: Layout.CPL / 4,
  attention: Layout.ATTENTION / 4,
  activity: Layout.ACTIVITY / 4,
  bases: Layout.ES_BASE / 4,
  selectors: Layout.ES_SELECTOR / 4,
  limits: Layout.ES_LIMIT / 4,
  rights: Layout.ES_RIGHTS / 4,
} as const;

/** Words of the frame that an exception pushes, without its error code. SDM 3A "64-Bit Mode Stack Frame". */
const Frame = { rip: 0, cs: 2, rflags: 4, rsp: 6, ss: 8 } as const;

/** Adds 0 to a byte of each page that can be written, and reads one of each of the others. */
const touchCode = (() => {
  const pages = Array.from({ length: MemoryMap.dataBytes / PAGE_BYTES }, (_, page) => page * PAGE_BYTES);
  const accesses = pages.map((at) =>
    at < MemoryMap.writableBytes ? `add byte ptr [rdi + ${at}], 0` : `mov al, [rdi + ${at}]`,
  );
  const lines = [`mov edi, ${MemoryMap.data}`, ...accesses];
  return { bytes: assemble(lines), count: lines.length };
})();

/** Runs cases on the processor core, at privilege level 3 in the memory of MemoryMap, as native/oracle.c does natively. */
export class CoreRunner implements CaseRunner {
  private readonly arena = new ByteArena();
  private readonly pristine: Uint8Array;
  private readonly pristineWindow: Uint8Array;
  private readonly expected: Uint8Array;
  /** The general registers of the core. */
  private readonly registers: Uint32Array;
  /** The writable data pages. */
  private readonly now: Uint8Array;

  private constructor(
    readonly core: TestCore,
    seed: number,
  ) {
    this.pristine = initialData(seed);
    this.pristineWindow = this.pristine.subarray(MemoryMap.window, MemoryMap.window + MemoryMap.windowBytes);
    this.expected = this.pristine.slice(0, MemoryMap.writableBytes);
    this.registers = core.u32.subarray(Word.registers, Word.registers + 32);
    this.now = core.u8.subarray(dataAt, dataAt + MemoryMap.writableBytes);
    this.buildMemory();
    this.buildState();
  }

  /** Makes a core for the tests. @param seed of the data pages. */
  static async create(seed: number): Promise<CoreRunner> {
    return new CoreRunner(await createTestCore(16 << 20), seed);
  }

  /** Runs one case. */
  run(testCase: InstructionCase): CaseResult {
    this.place(testCase);
    const result = this.execute(testCase);
    this.remove(testCase);
    return result;
  }

  /** Writes the code of a case where it runs. */
  place(testCase: InstructionCase): void {
    writeCode(testCase, this.core.u8, codeAt + testCase.codeOffset);
    this.codeWritten(testCase.codeOffset, codeLength(testCase));
  }

  /** Writes filler where the code of a case was. */
  remove(testCase: InstructionCase): void {
    const { codeOffset } = testCase;
    const length = codeLength(testCase);
    this.core.u8.fill(FILLER, codeAt + codeOffset, codeAt + codeOffset + length);
    this.codeWritten(codeOffset, length);
  }

  /** Where in RAM the code of a case is. */
  physicalOf({ codeOffset }: InstructionCase): number {
    return code + codeOffset;
  }

  /** Runs a case whose code is in its place. @param tlb 'warm': accesses to the data find their translations */
  execute(testCase: InstructionCase, tlb: 'cold' | 'warm' = 'cold'): CaseResult {
    const { core } = this;
    core.u8.set(testCase.window, dataAt + MemoryMap.window);
    this.load(testCase);
    this.enterUserMode(testCase.segments);
    if (tlb === 'warm') {
      const attention = core.u32[Word.attention]!;
      this.touchData();
      this.load(testCase);
      core.u32[Word.attention] = attention;
      core.cpu.processorRestored();
    }
    const stop = core.run(budget);
    const result = this.result(testCase, stop, lowAddressOf(testCase, testCase.instructions.length));
    this.restoreData(result);
    return result;
  }

  /** Registers, flags and RIP of a case. */
  private load(testCase: InstructionCase): void {
    const { core } = this;
    core.u32.set(testCase.registers, Word.registers);
    if (testCase.fx) core.loadFx(testCase.fx);
    core.setRflags(testCase.rflags);
    core.u32[Word.rip] = lowAddressOf(testCase, 0);
    core.u32[Word.rip + 1] = 0;
  }

  /** Runs code that accesses each page of the data, and changes nothing of it. */
  private touchData(): void {
    const { core } = this;
    core.setRflags(2);
    core.u32[Word.attention] = 0;
    core.u32[Word.rip] = lowHalf(touchLinear);
    core.u32[Word.rip + 1] = highHalf(touchLinear);
    core.run(touchCode.count);
  }

  /**
   * Makes the core forget what it decoded in a part of the code region. Unlike TestCore.codeChanged, this does not mark the pages dirty: no case can
   * write them, and for a dirty page that is decoded for the first time the core searches its TLBs for translations that allow writes.
   */
  private codeWritten(offset: number, length: number): void {
    const { cpu } = this.core;
    const inPage = Math.min(length, PAGE_BYTES - (offset % PAGE_BYTES));
    cpu.codeWritten(code + offset, inPage);
    if (inPage < length) cpu.codeWritten(code + offset + inPage, length - inPage);
  }

  private result(testCase: InstructionCase, stop: number, end: number): CaseResult {
    const { u32 } = this.core;
    if (stop === StopReason.Quantum) return this.report(testCase, Outcome.Timeout, 0, undefined);
    const handler = u32[Word.rip]! - supervisorLow - handlers - 1;
    const isSupervisor = u32[Word.rip + 1] === supervisorHigh;
    if (stop !== StopReason.Idle || !isSupervisor || handler < 0 || handler > 0x1000) {
      const rip = this.core.u64[Layout.RIP / 8]!.toString(16);
      throw new Error(`the core stopped by ${StopReason[stop] ?? String(stop)} at ${rip}h`);
    }
    const vector = handler >> 4;
    const rsp = (u32[Word.rsp]! - supervisorLow + supervisor + Layout.RAM) / 4;
    const hasCode = stackTop + supervisor + Layout.RAM - 4 * rsp === 48;
    const frame = u32.subarray(hasCode ? rsp + 2 : rsp, hasCode ? rsp + 12 : rsp + 10);
    const errorCode = hasCode ? u32[rsp]! : 0;
    const isEnd = vector === Vector.Breakpoint && frame[Frame.rip] === end + 1 && frame[Frame.rip + 1] === 0;
    return this.report(testCase, isEnd ? Outcome.Completed : Outcome.Exception, vector, frame, errorCode);
  }

  /** @param frame the words of the exception's frame; undefined when there was none. */
  private report(
    testCase: InstructionCase,
    outcome: Outcome,
    vector: number,
    frame: Uint32Array | undefined,
    errorCode = 0,
  ): CaseResult {
    const { core, arena } = this;
    const registers = arena.copyOfWords(this.registers);
    const isEnd = outcome === Outcome.Completed;
    registers[2 * RSP] = frame?.[Frame.rsp] ?? 0;
    registers[2 * RSP + 1] = frame?.[Frame.rsp + 1] ?? 0;
    const rip = frame ? fromHalves(frame[Frame.rip]!, frame[Frame.rip + 1]!) : 0n;
    const [changedOffset, changed] = this.changes(testCase);
    const result: { -readonly [K in keyof CaseResult]: CaseResult[K] } = {
      outcome,
      vector: isEnd ? 0 : vector,
      errorCode,
      registers,
      rflags: frame?.[Frame.rflags] ?? 0,
      rip: isEnd ? rip - 1n : rip,
      faultAddress: vector === Vector.PageFault ? core.u64[Layout.CR2 / 8]! : 0n,
      changedOffset,
      changed,
    };
    if (testCase.fx) result.fx = core.saveFx(arena.bytes(testCase.fx.length));
    if (testCase.segments) result.selectors = this.selectors(frame);
    return result;
  }

  /** CS and SS from the exception's frame, DS, ES, FS and GS as they are. */
  private selectors(frame: Uint32Array | undefined): number[] {
    const now = (index: number): number => this.core.u32[Word.selectors + index]!;
    return [
      (frame?.[Frame.cs] ?? 0) & 0xffff,
      (frame?.[Frame.ss] ?? 0) & 0xffff,
      ...[Segment.DS, Segment.ES, Segment.FS, Segment.GS].map(now),
    ];
  }

  /** The changed bytes of the data pages. `expected` is the data before the cases, except for the case's window during this call. */
  private changes({ window }: InstructionCase): [number, Uint8Array] {
    const { expected, now } = this;
    expected.set(window, MemoryMap.window);
    const isSame = (from: number, to: number): boolean =>
      Buffer.compare(now.subarray(from, to), expected.subarray(from, to)) === 0;
    let result: [number, Uint8Array] = [0, noBytes];
    if (Buffer.compare(now, expected) !== 0) {
      // most changes lie in the window
      let first: number = isSame(0, MemoryMap.window) ? MemoryMap.window : 0;
      let last = isSame(windowEnd, MemoryMap.writableBytes) ? windowEnd - 1 : MemoryMap.writableBytes - 1;
      while (now[first] === expected[first]) first++;
      while (now[last] === expected[last]) last--;
      result = [first, now.slice(first, last + 1)];
    }
    expected.set(this.pristineWindow, MemoryMap.window);
    return result;
  }

  /** The data as it was before the case, which has written its window and what the result calls changed, and nothing else. */
  private restoreData({ changedOffset, changed }: CaseResult): void {
    const { now, pristine } = this;
    if (changed.length > 0) now.set(pristine.subarray(changedOffset, changedOffset + changed.length), changedOffset);
    now.set(this.pristineWindow, MemoryMap.window);
  }

  /** Everything of the processor but registers, RIP and RFLAGS as it was at first: a fault leaves it at privilege level 0. */
  private enterUserMode(segments: CaseSegments | undefined): void {
    const { core } = this;
    if (segments) {
      this.loadSegment(Segment.CS, segments.cs);
      this.loadSegment(Segment.SS, segments.ss);
      this.loadSegment(Segment.DS, segments.ds);
      this.loadSegment(Segment.ES, segments.es);
      for (const index of [Segment.FS, Segment.GS]) this.loadSegment(index, 0);
    } else this.userSegments();
    core.u32[Word.cpl] = 3;
    core.u32[Word.activity] = 0;
    core.stateChanged();
  }

  /** 64-bit user mode, with the base of GS. */
  private userSegments(): void {
    for (const index of [Segment.ES, Segment.CS, Segment.SS, Segment.DS]) this.userSegment(index);
    this.setSegment(Segment.FS, 0, 0, 0xffffffff, Rights.unusable);
    this.setSegment(Segment.GS, 0, MemoryMap.gsBase, 0xffffffff, Rights.unusable);
  }

  /** A segment of the LDT, or a null one. */
  private loadSegment(index: number, selector: number): void {
    if (selector === 0) this.setSegment(index, 0, 0, 0, Rights.unusable);
    else {
      const segment = localSegment(selector);
      this.setSegment(index, selector, segment.base, segment.limit, rightsOf(segment));
    }
  }

  private userSegment(index: number): void {
    const isCode = index === Segment.CS;
    const rights = (isCode ? Rights.code64 : Rights.data32) | Rights.user;
    this.setSegment(index, isCode ? MemoryMap.codeSelector : MemoryMap.stackSelector, 0, 0xffffffff, rights);
  }

  /** As processor_setup.ts does it; without BigInts, because each case sets six. */
  private setSegment(index: number, selector: number, base: number, limit: number, rights: number): void {
    const { u32 } = this.core;
    u32[Word.bases + 2 * index] = base;
    u32[Word.bases + 2 * index + 1] = 0;
    u32[Word.selectors + index] = selector;
    u32[Word.limits + index] = limit;
    u32[Word.rights + index] = rights;
  }

  private buildMemory(): void {
    const { core } = this;
    const map = new PageTables(core, tables);
    const physical = Layout.RAM;
    for (let at = 0; at < MemoryMap.codeBytes; at += 0x1000)
      map.map(BigInt(MemoryMap.code + at), code + at, Page.present | Page.user);
    for (let at = 0; at < MemoryMap.dataBytes; at += 0x1000) {
      const writable = at < MemoryMap.writableBytes ? Page.writable : 0n;
      map.map(BigInt(MemoryMap.data + at), data + at, Page.present | Page.user | Page.noExecute | writable);
    }
    for (let at = 0; at < 0x8000; at += 0x1000)
      map.map(supervisorLinear + BigInt(at), supervisor + at, Page.present | Page.writable);
    core.u8.fill(FILLER, physical + code, physical + code + MemoryMap.codeBytes);
    core.u8.set(this.pristine, physical + data);
    map.map(touchLinear, touch, Page.present | Page.user);
    core.u8.set(touchCode.bytes, physical + touch);
    for (let vector = 0; vector < 256; vector++) core.u8[physical + supervisor + handlers + vector * 16] = 0xf4;
    const at = (offset: number): number => (physical + supervisor + offset) / 8;
    core.u64[at(gdt + 0x10)] = descriptor(0, 0xffffffff, Rights.code64);
    core.u64[at(gdt + 0x18)] = descriptor(0, 0xffffffff, Rights.data32);
    core.u64[at(gdt + 0x20)] = descriptor(0, 0xffffffff, Rights.code32 | Rights.user);
    core.u64[at(gdt + 0x28)] = descriptor(0, 0xffffffff, Rights.data32 | Rights.user);
    core.u64[at(gdt + 0x30)] = descriptor(0, 0xffffffff, Rights.code64 | Rights.user);
    core.u64[at(gdt + 0x78)] = descriptor(0, 0, processorNumberRights);
    localSegments.forEach((segment, i) => {
      core.u64[at(ldt + i * 8)] = descriptor(segment.base, segment.limit, rightsOf(segment));
    });
    for (let vector = 0; vector < 256; vector++) {
      // INT3, INTO may come from user mode
      const [low, high] = gate64(
        0x10,
        supervisorLinear + BigInt(handlers + vector * 16),
        0,
        vector === 3 || vector === 4 ? 3 : 0,
      );
      core.u64[at(idt + vector * 16)] = low;
      core.u64[at(idt + vector * 16 + 8)] = high;
    }
    const stack = supervisorLinear + BigInt(stackTop);
    core.u32[(physical + supervisor + tss + 4) / 4] = Number(stack & 0xffffffffn);
    core.u32[(physical + supervisor + tss + 8) / 4] = Number(stack >> 32n);
  }

  private buildState(): void {
    const { core } = this;
    core.reset();
    setWord(core, 'CR3', tables);
    setWord(core, 'CR0', CR0_PAGED);
    setWord(core, 'CR4', CR4_LONG | 0x40000n);
    setWord(core, 'EFER', EFER_LONG);
    setWord(core, 'GDTR_BASE', supervisorLinear + BigInt(gdt));
    setWord(core, 'IDTR_BASE', supervisorLinear + BigInt(idt));
    core.u32[Layout.GDTR_LIMIT / 4] = 0x7f;
    core.u32[Layout.IDTR_LIMIT / 4] = 0xfff;
    setSegment(core, Segment.TR, 0x40, supervisorLinear + BigInt(tss), 0x67, Rights.busyTss64);
    setSegment(core, Segment.LDTR, 0x48, supervisorLinear + BigInt(ldt), localSegments.length * 8 - 1, localTable);
    this.userSegments();
    core.u32[Layout.CPL / 4] = 3;
    core.stateChanged();
  }
}

/** Access rights of a segment of the LDT, in the VMCS's format. SDM 3A "Code- and Data-Segment Descriptor Types". */
function rightsOf(segment: LocalSegment): number {
  const { kind, wide, accessible, present } = segment;
  const type = (kind === 'code' ? 0x9 : kind === 'data' ? 0x1 : 0x5) | (accessible ? 2 : 0);
  return 0x10 | type | Rights.user | (present ? 0x80 : 0) | (wide ? 0x4000 : 0) | (countsPages(segment) ? 0x8000 : 0);
}
