// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../../src/machine/layout/layout.js';
import { StopReason } from '../../src/machine/layout/stop_reason.js';
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
import { createTestCore, type TestCore } from '../support/test_core.js';
import {
  addressOf,
  codeOf,
  Outcome,
  type CaseResult,
  type CaseSegments,
  type InstructionCase,
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
/** Rights of the segment whose limit Linux lets user mode read as the processor's number: expand-down data, read-only, accessed, 32 bits, DPL 3. */
const processorNumberRights = 0x40f5;
/** Rights of the LDT's descriptor: present, type 2. SDM 3A "System Descriptor Types". */
const localTable = 0x82;

/** Longest run of a case: repeated strings take at most some thousand pieces. */
const budget = 20_000;

/** Runs cases on the processor core, at privilege level 3 in the memory of MemoryMap, as native/oracle.c does natively. */
export class CoreRunner {
  private readonly pristine: Uint8Array;
  private readonly expected: Uint8Array;

  private constructor(
    private readonly core: TestCore,
    seed: number,
  ) {
    this.pristine = initialData(seed);
    this.expected = new Uint8Array(MemoryMap.writableBytes);
    this.buildMemory();
    this.buildState();
  }

  /** Makes a core for the tests. @param seed of the data pages. */
  static async create(seed: number): Promise<CoreRunner> {
    return new CoreRunner(await createTestCore(16 << 20), seed);
  }

  /** Runs one case. */
  run(testCase: InstructionCase): CaseResult {
    const { core } = this;
    const bytes = codeOf(testCase);
    const codeAt = Layout.RAM + code + testCase.codeOffset;
    core.u8.set(bytes, codeAt);
    core.codeChanged(code + testCase.codeOffset, bytes.length);
    core.u8.set(testCase.window, Layout.RAM + data + MemoryMap.window);
    core.u32.set(testCase.registers, Layout.RAX / 4);
    if (testCase.fx) core.loadFx(testCase.fx);
    core.setRflags(testCase.rflags);
    this.enterUserMode(testCase.segments);
    core.u64[Layout.RIP / 8] = addressOf(testCase, 0);
    const stop = core.run(budget);
    const end = addressOf(testCase, testCase.instructions.length);
    const result = this.result(testCase, stop, Number(end));
    core.u8.fill(FILLER, codeAt, codeAt + bytes.length);
    core.codeChanged(code + testCase.codeOffset, bytes.length);
    core.u8.set(this.pristine.subarray(0, MemoryMap.writableBytes), Layout.RAM + data);
    return result;
  }

  private result(testCase: InstructionCase, stop: number, end: number): CaseResult {
    const { core } = this;
    const handler = Number(core.u64[Layout.RIP / 8]! - supervisorLinear) - handlers - 1;
    if (stop === StopReason.Quantum) return this.report(testCase, Outcome.Timeout, 0, [0n, 0n, 0n, 0n, 0n]);
    if (stop !== StopReason.Idle || handler < 0 || handler > 0x1000) {
      throw new Error(
        `the core stopped by ${StopReason[stop] ?? String(stop)} at ${core.u64[Layout.RIP / 8]!.toString(16)}h`,
      );
    }
    const vector = handler >> 4;
    const rsp = Number(core.u64[Layout.RSP / 8]! - supervisorLinear) + supervisor + Layout.RAM;
    const hasCode = stackTop + supervisor + Layout.RAM - rsp === 48;
    const frame = [0, 1, 2, 3, 4].map((index) => core.u64[rsp / 8 + index + (hasCode ? 1 : 0)]!);
    const errorCode = hasCode ? core.u32[rsp / 4]! : 0;
    const isEnd = vector === 3 && Number(frame[0]!) === end + 1;
    return this.report(testCase, isEnd ? Outcome.Completed : Outcome.Exception, vector, frame, errorCode, isEnd);
  }

  private report(
    testCase: InstructionCase,
    outcome: Outcome,
    vector: number,
    frame: readonly bigint[],
    errorCode = 0,
    isEnd = false,
  ): CaseResult {
    const { core } = this;
    const registers = core.u32.slice(Layout.RAX / 4, Layout.RAX / 4 + 32);
    registers[8] = Number(frame[3]! & 0xffffffffn);
    registers[9] = Number(frame[3]! >> 32n);
    const [changedOffset, changed] = this.changes(testCase);
    return {
      outcome,
      vector: isEnd ? 0 : vector,
      errorCode,
      registers,
      rflags: Number(frame[2]!),
      rip: isEnd ? frame[0]! - 1n : frame[0]!,
      faultAddress: vector === 14 ? core.u64[Layout.CR2 / 8]! : 0n,
      changedOffset,
      changed,
      ...(testCase.fx ? { fx: core.saveFx() } : {}),
      ...(testCase.segments ? { selectors: this.selectors(frame) } : {}),
    };
  }

  /** CS and SS from the exception's frame, DS, ES, FS and GS as they are. */
  private selectors(frame: readonly bigint[]): number[] {
    const now = (index: number): number => this.core.u32[Layout.ES_SELECTOR / 4 + index]!;
    return [
      Number(frame[1]! & 0xffffn),
      Number(frame[4]! & 0xffffn),
      ...[Segment.DS, Segment.ES, Segment.FS, Segment.GS].map(now),
    ];
  }

  /** The changed bytes of the data pages. */
  private changes(testCase: InstructionCase): [number, Uint8Array] {
    const { expected, core } = this;
    const at = Layout.RAM + data;
    expected.set(this.pristine.subarray(0, MemoryMap.writableBytes));
    expected.set(testCase.window, MemoryMap.window);
    const now = core.u8.subarray(at, at + MemoryMap.writableBytes);
    if (Buffer.compare(now, expected) === 0) return [0, new Uint8Array(0)];
    let first = 0;
    let last = MemoryMap.writableBytes - 1;
    while (now[first] === expected[first]) first++;
    while (now[last] === expected[last]) last--;
    return [first, now.slice(first, last + 1)];
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
    core.u32[Layout.CPL / 4] = 3;
    core.u32[Layout.ACTIVITY / 4] = 0;
    core.stateChanged();
  }

  /** 64-bit user mode, with the base of GS. */
  private userSegments(): void {
    for (const index of [Segment.ES, Segment.CS, Segment.SS, Segment.DS]) this.userSegment(index);
    setSegment(this.core, Segment.FS, 0, 0, 0xffffffff, Rights.unusable);
    setSegment(this.core, Segment.GS, 0, MemoryMap.gsBase, 0xffffffff, Rights.unusable);
  }

  /** A segment of the LDT, or a null one. */
  private loadSegment(index: number, selector: number): void {
    if (selector === 0) setSegment(this.core, index, 0, 0, 0, Rights.unusable);
    else {
      const segment = localSegment(selector);
      setSegment(this.core, index, selector, segment.base, segment.limit, rightsOf(segment));
    }
  }

  private userSegment(index: number): void {
    const isCode = index === Segment.CS;
    const rights = (isCode ? Rights.code64 : Rights.data32) | Rights.user;
    setSegment(this.core, index, isCode ? MemoryMap.codeSelector : MemoryMap.stackSelector, 0, 0xffffffff, rights);
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
