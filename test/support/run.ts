// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../src/intrinsics/vmx/exit_information.js';
import { Constants } from '../../src/machine/layout/core_constants.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { StopReason } from '../../src/machine/layout/stop_reason.js';
import { assemble, type CodeBits } from './assembler.js';
import { createTestCore, type TestCore } from './test_core.js';
import {
  CR0_PAGED,
  CR4_LONG,
  descriptor,
  EFER_LONG,
  gate32,
  gate64,
  Page,
  PageTables,
  Rights,
  Segment,
  setSegment,
  setWord,
} from './processor_setup.js';

/** Linear (= physical) addresses of the flat test environment. */
export const Flat = {
  code: 0x10000,
  /** Two writable pages; the page after them is not present, the one after that is read-only (not in 16-bit mode, which has no paging). */
  data: 0x20000,
  absent: 0x22000,
  readOnly: 0x23000,
  stackTop: 0x30000,
} as const;

const handlers = 0x8000;
const faultStackTop = 0x38000;
const tables = 0x100000;
const gdt = 0x140000;
const idt = 0x141000;
const tss = 0x142000;
const names = Object.keys(registerNumbers) as (keyof typeof registerNumbers)[];
type RegisterName = (typeof names)[number];

/** The start state of a run besides its code. By default registers are 0, RSP is at the top of the stack, and RFLAGS is 2. */
export interface RunOptions extends Partial<Record<RegisterName, bigint | number>> {
  readonly bits?: CodeBits;
  readonly rflags?: number;
  /** Bytes by address, written before the run. */
  readonly memory?: Readonly<Record<number, readonly number[] | Uint8Array>>;
  /** Most instructions; 100,000 if not given. */
  readonly budget?: number;
}

/** An exception that ended a run. */
export interface Fault {
  readonly vector: number;
  /** Undefined for exceptions without one, and in real mode. */
  readonly code?: number;
  /** CR2. */
  readonly address: bigint;
}

/** The state after a run. RIP is that of the exception, or after the last instruction. */
export interface RunResult extends Readonly<Record<RegisterName, bigint>> {
  readonly rip: bigint;
  readonly rflags: number;
  /** Names of the status flags (and DF) that are set, in the order CF PF AF ZF SF DF OF. */
  readonly flags: string;
  readonly fault: Fault | undefined;
  /** RIP relative to the first instruction. */
  readonly ripOffset: number;
  /** Little-endian number in memory. */
  number(address: number, bytes: number): bigint;
  bytes(address: number, count: number): number[];
}

const withCode = new Set([8, 10, 11, 12, 13, 14, 17, 21]);
const flagNames: readonly (readonly [string, number])[] = [
  ['CF', 1],
  ['PF', 4],
  ['AF', 0x10],
  ['ZF', 0x40],
  ['SF', 0x80],
  ['DF', 0x400],
  ['OF', 0x800],
];
const core = await createTestCore(16 << 20);

function poke(address: number, bytes: ArrayLike<number>): void {
  core.u8.set(bytes as Uint8Array, Layout.RAM + address);
}

function pokeWide(address: number, value: bigint): void {
  core.u64[(Layout.RAM + address) / 8] = value;
}

/** Interrupt handlers of one HLT each, 16 bytes apart, so that RIP shows the vector. */
function pokeHandlers(): void {
  for (let vector = 0; vector < 256; vector++) poke(handlers + vector * 16, [0xf4]);
}

function pokeDescriptors(): void {
  pokeWide(gdt + 0x10, descriptor(0, 0xffffffff, Rights.code64));
  pokeWide(gdt + 0x18, descriptor(0, 0xffffffff, Rights.data32));
  pokeWide(gdt + 0x20, descriptor(0, 0xffffffff, Rights.code32));
  for (let vector = 0; vector < 32; vector++) {
    if (core.bits === 64) {
      const [low, high] = gate64(0x10, BigInt(handlers + vector * 16), 1);
      pokeWide(idt + vector * 16, low);
      pokeWide(idt + vector * 16 + 8, high);
    } else pokeWide(idt + vector * 8, gate32(0x20, handlers + vector * 16));
  }
  core.u8.fill(0, Layout.RAM + tss, Layout.RAM + tss + 0x68);
  core.u32[(Layout.RAM + tss + 0x24) / 4] = faultStackTop;
  setSegment(core, Segment.TR, 0x40, tss, 0x67, Rights.busyTss64);
}

function pageFlags(page: number): bigint {
  if (page === Flat.absent) return 0n;
  return page === Flat.readOnly ? Page.present : Page.present | Page.writable;
}

/** Identity map of the first 2 MiB for 4-level paging, or of the first 4 MiB for 32-bit paging. */
function pokePageTables(): number {
  core.u8.fill(0, Layout.RAM + tables, Layout.RAM + tables + 0x8000);
  if (core.bits === 64) {
    const built = new PageTables(core, tables);
    for (let page = 0; page < 0x200000; page += 0x1000) built.map(BigInt(page), page, pageFlags(page));
    return built.root;
  }
  core.u32[(Layout.RAM + tables) / 4] = (tables + 0x1000) | 3;
  for (let page = 0; page < 0x400000; page += 0x1000) {
    core.u32[(Layout.RAM + tables + 0x1000 + (page >> 12) * 4) / 4] = page | Number(pageFlags(page));
  }
  return tables;
}

/** Puts the core into the mode of `bits`: 64-bit, 32-bit protected with paging, or real mode; privilege level 0, flat segments. */
function enterMode(bits: CodeBits): void {
  core.reset();
  core.bits = bits;
  pokeHandlers();
  const data = bits === 16 ? Rights.data16 : Rights.data32;
  const limit = bits === 16 ? 0xffff : 0xffffffff;
  const selector = bits === 16 ? 0 : 0x18;
  for (const index of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS])
    setSegment(core, index, selector, 0, limit, data);
  if (bits === 16) {
    // code and data lie above 64 KiB: CS = 1000H, DS = ES = 2000H, SS = 2000H
    setSegment(core, Segment.CS, Flat.code >> 4, Flat.code, limit, Rights.data16);
    for (const index of [Segment.ES, Segment.SS, Segment.DS])
      setSegment(core, index, Flat.data >> 4, Flat.data, limit, data);
    for (let vector = 0; vector < 256; vector++)
      poke(vector * 4, [(vector * 16) & 255, (vector * 16) >> 8, (handlers >> 4) & 255, handlers >> 12]);
    setWord(core, 'IDTR_BASE', 0);
    core.u32[Layout.IDTR_LIMIT / 4] = 0x3ff;
    setWord(core, 'CR0', 0x10);
    setWord(core, 'EFER', 0);
    setWord(core, 'CR4', 0);
  } else {
    setSegment(core, Segment.CS, bits === 64 ? 0x10 : 0x20, 0, limit, bits === 64 ? Rights.code64 : Rights.code32);
    pokeDescriptors();
    setWord(core, 'GDTR_BASE', gdt);
    setWord(core, 'IDTR_BASE', idt);
    core.u32[Layout.GDTR_LIMIT / 4] = 0x4f;
    core.u32[Layout.IDTR_LIMIT / 4] = bits === 64 ? 0x1ff : 0xff;
    setWord(core, 'CR3', pokePageTables());
    setWord(core, 'CR0', CR0_PAGED);
    setWord(core, 'CR4', bits === 64 ? CR4_LONG : 0x600n);
    setWord(core, 'EFER', bits === 64 ? EFER_LONG : 0n);
  }
  core.u32[Layout.CPL / 4] = 0;
  core.stateChanged();
}

/** The exception frame that a handler's RIP and stack pointer show. */
function readFault(vector: number, stack: bigint): { fault: Fault; rip: bigint; rflags: number; rsp: bigint } {
  const size = core.bits / 8;
  const base = core.bits === 16 ? Flat.data : 0;
  const word = (index: number): bigint => result(0).number(base + Number(stack) + index * size, size);
  const hasCode = core.bits !== 16 && withCode.has(vector);
  const first = hasCode ? 1 : 0;
  return {
    fault: { vector, ...(hasCode ? { code: Number(word(0)) } : {}), address: core.u64[Layout.CR2 / 8]! },
    rip: word(first),
    rflags: Number(word(first + 2)) & ~0x10000,
    rsp: core.bits === 64 ? word(first + 3) : BigInt.asUintN(core.bits, stack + BigInt((first + 3) * size)),
  };
}

function result(rflags: number, changes: Partial<RunResult> = {}): RunResult {
  const registers = Object.fromEntries(names.map((name, i) => [name, core.u64[Layout.RAX / 8 + i]!])) as Record<
    RegisterName,
    bigint
  >;
  const bytes = (address: number, count: number): number[] => [
    ...core.u8.subarray(Layout.RAM + address, Layout.RAM + address + count),
  ];
  return {
    ...registers,
    rip: 0n,
    ripOffset: 0,
    rflags,
    flags: flagNames
      .filter(([, bit]) => rflags & bit)
      .map(([name]) => name)
      .join(' '),
    fault: undefined,
    bytes,
    number: (address, count) => bytes(address, count).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n),
    ...changes,
  };
}

/**
 * Assembles and runs code on the processor core, in memory that is mapped one to one, until its end or an exception:
 * `run('mov eax, 7fffffffh', 'inc eax').flags`. An object before the code sets registers, memory and mode.
 * @throws Error when the code does not end, or stops for another reason.
 */
export function run(...code: readonly [RunOptions, ...string[]] | readonly string[]): RunResult {
  const [options, lines] =
    typeof code[0] === 'object' ? [code[0], code.slice(1) as string[]] : [{} as RunOptions, code as string[]];
  const bits = options.bits ?? 64;
  const start = bits === 16 ? 0 : Flat.code;
  const program = assemble(lines, bits, start);
  return runBytes(program, options);
}

/** The same for instructions given as bytes, for encodings that the assembler does not choose. */
export function runBytes(program: ArrayLike<number>, options: RunOptions = {}): RunResult {
  const bits = options.bits ?? 64;
  enterMode(bits);
  const start = bits === 16 ? 0 : Flat.code;
  core.u8.fill(0, Layout.RAM + Flat.data, Layout.RAM + Flat.stackTop);
  for (const [address, bytes] of Object.entries(options.memory ?? {})) poke(Number(address), bytes);
  poke(Flat.code, program);
  poke(Flat.code + program.length, [0xf4]);
  names.forEach((name, i) => {
    const initial = name === 'rsp' ? (bits === 16 ? Flat.stackTop - Flat.data : Flat.stackTop) : 0;
    core.u64[Layout.RAX / 8 + i] = BigInt.asUintN(64, BigInt(options[name] ?? initial));
  });
  core.setRflags(options.rflags ?? 2);
  setWord(core, 'RIP', start);
  core.stateChanged();
  core.codeChanged(0, 0x180000);
  const stop = core.run(options.budget ?? 100_000);
  const rip = core.u64[Layout.RIP / 8]!;
  if (stop !== StopReason.Idle)
    throw new Error(`the code stopped at ${rip.toString(16)}h: ${StopReason[stop] ?? String(stop)}`);
  return finish(rip, start, program.length);
}

function finish(rip: bigint, start: number, length: number): RunResult {
  const linear = Number(rip) + Number(core.u64[Layout.ES_BASE / 8 + Constants.CS]!);
  if (linear < handlers || linear > handlers + 0x1000) {
    if (Number(rip) !== start + length + 1) throw new Error(`the code ended at ${rip.toString(16)}h, not at its end`);
    return result(core.rflags(), { rip: rip - 1n, ripOffset: length });
  }
  const vector = (linear - 1 - handlers) >> 4;
  const frame = readFault(vector, core.u64[Layout.RSP / 8]!);
  return result(frame.rflags, {
    fault: frame.fault,
    rip: frame.rip,
    ripOffset: Number(frame.rip) - start,
    rsp: frame.rsp,
  });
}

export type { TestCore };
