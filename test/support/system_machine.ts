// SPDX-License-Identifier: LGPL-2.1-only
import { WasmCore } from '../../src/machine/processor/wasm_core.js';
import type { ProcessorModel } from '../../src/machine/models/processor_model.js';
import type { CoreBus } from '../../src/machine/processor/core_bus.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { StopReason } from '../../src/machine/layout/stop_reason.js';
import { assemble, type CodeBits } from './assembler.js';
import { descriptor, gate32, gate64, Page, Rights, Segment, setSegment, setWord } from './processor_setup.js';
import { coreModule, emptyBus, TestCore } from './test_core.js';

/** Physical (and, unless a test maps otherwise, linear) addresses. */
export const At = {
  /** Handlers of one HLT each, 16 bytes apart, by vector. */
  handlers: 0x8000,
  kernelCode: 0x10000,
  userCode: 0x11000,
  /** Pages that tests map as they like. */
  pages: 0x20000,
  kernelStackTop: 0x30000,
  /** The stack of privilege level 0 in the TSS. */
  ring0StackTop: 0x34000,
  istStackTop: 0x38000,
  userStackTop: 0x3c000,
  gdt: 0x40000,
  idt: 0x41000,
  tss: 0x42000,
  tables: 0x100000,
} as const;

/** Selectors of the GDT. */
export const Select = {
  code64: 0x08,
  data: 0x10,
  code32: 0x18,
  userCode32: 0x23,
  userData: 0x2b,
  userCode64: 0x33,
  code16: 0x38,
  tss: 0x40,
  /** Not present. */
  absent: 0x50,
  /** For tests. */
  free: 0x58,
} as const;

/** Paging structures. */
export type PagingMode = 'none' | '32-bit' | 'pae' | '4-level';

/** How a run starts. */
export interface Start {
  readonly bits?: CodeBits;
  readonly cpl?: 0 | 3;
  readonly paging?: PagingMode;
  readonly cr0?: number;
  readonly cr4?: number;
  readonly efer?: number;
  readonly rflags?: number;
}

/** Where and with what a run ended: in the handler of `vector`, or at the HLT after the code. */
export interface Ending {
  readonly vector: number | undefined;
  readonly code: number | undefined;
  /** RIP in the frame, or of the HLT that ended the run. */
  readonly rip: number;
  readonly cr2: number;
  readonly frame: { readonly cs: number; readonly rflags: number; readonly rsp: number; readonly ss: number };
}

const withCode = new Set([8, 10, 11, 12, 13, 14, 17]);
const CR0 = { PE: 1, ET: 0x10, NE: 0x20, WP: 0x10000, AM: 0x40000, PG: 0x80000000 } as const;
const CR4 = { PSE: 0x10, PAE: 0x20, PGE: 0x80, OSFXSR: 0x200 } as const;
const EFER = { SCE: 1, LME: 0x100, LMA: 0x400, NXE: 0x800 } as const;

/** A processor with descriptor tables, handlers, a TSS and page tables, for tests of privileged behaviour. */
export class SystemMachine extends TestCore {
  private paging: PagingMode = '4-level';
  private nextTable: number = At.tables;

  /** Makes one with 16 MiB. @param model the default model if there is none. */
  static async make(bus: Partial<CoreBus> = {}, model?: ProcessorModel): Promise<SystemMachine> {
    const module = await coreModule();
    return new SystemMachine(
      await WasmCore.create({
        module,
        memoryBytes: 16 << 20,
        bus: Object.assign({ ...emptyBus }, bus),
        ...(model !== undefined && { model }),
      }),
    );
  }

  /** Builds fresh memory and registers. */
  start(options: Start = {}): this {
    const { bits = 64, cpl = 0 } = options;
    this.reset();
    this.bits = bits;
    this.u8.fill(0, Layout.RAM, Layout.RAM + 0x180000);
    this.codeChanged(0, 0x180000);
    this.paging = options.paging ?? (bits === 64 ? '4-level' : bits === 32 ? '32-bit' : 'none');
    const long = this.paging === '4-level';
    setWord(this, 'EFER', options.efer ?? (long ? EFER.SCE | EFER.LME | EFER.LMA | EFER.NXE : EFER.NXE));
    const isPaged = this.paging !== 'none';
    const cr0 = bits === 16 ? CR0.ET : CR0.PE | CR0.ET | CR0.NE | CR0.WP;
    setWord(this, 'CR0', (options.cr0 ?? (isPaged ? cr0 + CR0.PG : cr0)) >>> 0);
    const pae = this.paging === 'pae' || long ? CR4.PAE : 0;
    setWord(this, 'CR4', options.cr4 ?? CR4.PSE | pae | CR4.PGE | CR4.OSFXSR);
    this.buildPaging();
    if (bits === 16) this.realMode();
    else this.protectedMode(bits, cpl);
    this.u64.fill(0n, Layout.RAX / 8, Layout.RAX / 8 + 16);
    this.setRflags(options.rflags ?? 2);
    this.set('RSP', bits === 16 ? 0xf000 : cpl === 3 ? At.userStackTop : At.kernelStackTop);
    this.set('RIP', bits === 16 ? 0 : cpl === 3 ? At.userCode : At.kernelCode);
    this.stateChanged();
    return this;
  }

  /** Writes a 64-bit word of the processor. */
  set(name: keyof typeof Layout, value: bigint | number): void {
    setWord(this, name, value);
  }
  /** Reads one. */
  get(name: keyof typeof Layout): bigint {
    return this.u64[Layout[name] / 8]!;
  }
  /** Reads a 32-bit word of the processor. */
  word(name: keyof typeof Layout): number {
    return this.u32[Layout[name] / 4]!;
  }
  /** Writes physical memory. */
  poke(address: number, ...bytes: number[]): void {
    this.u8.set(bytes, Layout.RAM + address);
  }
  poke32(address: number, value: number): void {
    this.u32[(Layout.RAM + address) / 4] = value >>> 0;
  }
  poke64(address: number, value: bigint): void {
    this.u64[(Layout.RAM + address) / 8] = BigInt.asUintN(64, value);
  }
  peek32(address: number): number {
    return this.u32[(Layout.RAM + address) / 4]!;
  }
  peek64(address: number): bigint {
    return this.u64[(Layout.RAM + address) / 8]!;
  }
  /** Writes a descriptor of the GDT. */
  describe(selector: number, raw: bigint): void {
    this.poke64(At.gdt + (selector & 0xfff8), raw);
  }
  /** Assembles code to a physical address; a HLT follows it. @returns its length without the HLT. */
  write(address: number, lines: readonly string[], bits = this.bits, linear = address): number {
    const program = assemble(lines, bits, linear);
    this.poke(address, ...program, 0xf4);
    this.codeChanged(address, program.length + 1);
    return program.length;
  }
  /** Assembles code to where RIP points and runs it to an exception or to its end. */
  run64(...lines: string[]): Ending {
    const base = Number(this.u64[Layout.CS_BASE / 8]);
    const at = Number(this.get('RIP')) + (this.bits === 64 ? 0 : base);
    this.write(at, lines, this.bits, at - base);
    return this.go();
  }
  /** Runs to an exception or HLT. */
  go(budget = 10_000): Ending {
    const stop = this.run(budget);
    if (stop !== StopReason.Idle)
      throw new Error(`stopped with ${StopReason[stop]} at ${this.get('RIP').toString(16)}`);
    return this.ending();
  }

  /** What the handler's frame says. */
  ending(): Ending {
    const rip = Number(this.get('RIP')) - 1;
    const isHandler = this.bits !== 16 && rip >= At.handlers && rip < At.handlers + 0x1000;
    const cr2 = Number(this.get('CR2'));
    const none = { cs: 0, rflags: 0, rsp: 0, ss: 0 };
    if (!isHandler) return { vector: undefined, code: undefined, rip, cr2, frame: none };
    const vector = (rip - At.handlers) >> 4;
    const size = this.paging === '4-level' ? 8 : 4;
    const top = Number(this.get('RSP'));
    const value = (n: number): number => (size === 8 ? Number(this.peek64(top + n * 8)) : this.peek32(top + n * 4));
    const first = withCode.has(vector) ? 1 : 0;
    return {
      vector,
      code: first ? value(0) : undefined,
      rip: value(first),
      cr2,
      frame: { cs: value(first + 1), rflags: value(first + 2), rsp: value(first + 3), ss: value(first + 4) },
    };
  }

  // ---- paging ---------------------------------------------------------------------------------------------------------------------

  /** Physical address of the entry of a level (0 = page table) for a linear address; tables that are missing are made. */
  entryAddress(linear: number, level = 0): number {
    if (this.paging === '32-bit') return this.entryAddress32(linear, level);
    const top = this.paging === 'pae' ? 2 : 3;
    let table = Number(this.get('CR3')) & ~0xfff;
    for (let at = top; at > level; at--)
      table = this.below(table + this.index64(linear, at) * 8, at === 2 && top === 2);
    return table + this.index64(linear, level) * 8;
  }
  private index64(linear: number, level: number): number {
    const index = Number((BigInt(linear) >> BigInt(12 + 9 * level)) & 511n);
    return this.paging === 'pae' && level === 2 ? index & 3 : index;
  }
  private entryAddress32(linear: number, level: number): number {
    const directory = (Number(this.get('CR3')) & ~0xfff) + (linear >>> 22) * 4;
    if (level === 1) return directory;
    if (this.peek32(directory) === 0) this.poke32(directory, this.newTable() | 7);
    return (this.peek32(directory) & ~0xfff) + ((linear >>> 12) & 1023) * 4;
  }
  private below(entry: number, isPdpte: boolean): number {
    if (this.peek64(entry) === 0n) this.poke64(entry, BigInt(this.newTable()) | (isPdpte ? 1n : 7n));
    return Number(this.peek64(entry) & 0xffffffffff000n);
  }
  private newTable(): number {
    const table = this.nextTable;
    this.nextTable += 0x1000;
    return table;
  }
  /** Maps a page. `flags`: the entry without its address. */
  map(linear: number, physical: number, flags: bigint, level = 0): void {
    const at = this.entryAddress(linear, level);
    if (this.paging === '32-bit') this.poke32(at, Number(BigInt(physical) | flags));
    else this.poke64(at, BigInt(physical) | flags);
  }
  /** The entry of a page. */
  entry(linear: number, level = 0): bigint {
    const at = this.entryAddress(linear, level);
    return this.paging === '32-bit' ? BigInt(this.peek32(at)) : this.peek64(at);
  }

  /** Identity map of the first MiB: kernel pages, but user pages for user code and stack. */
  private buildPaging(): void {
    this.nextTable = At.tables;
    if (this.paging === 'none') return;
    this.set('CR3', this.newTable());
    for (let page = 0; page < 0x100000; page += 0x1000) {
      const isUser = page === At.userCode || (page >= At.userStackTop - 0x2000 && page < At.userStackTop);
      this.map(page, page, Page.present | Page.writable | (isUser ? Page.user : 0n));
    }
    if (this.paging === 'pae')
      for (let i = 0; i < 4; i++) this.u64[Layout.PDPTE0 / 8 + i] = this.peek64(At.tables + i * 8);
  }

  // ---- descriptors -----------------------------------------------------------------------------------------------------------------

  private realMode(): void {
    for (let segment = 0; segment < 6; segment++) {
      setSegment(this, segment, 0x1000, 0x10000, 0xffff, segment === Segment.CS ? 0x9b : 0x93);
    }
    this.u32[Layout.IDTR_LIMIT / 4] = 0x3ff;
    this.set('IDTR_BASE', 0);
    this.u32[Layout.CPL / 4] = 0;
  }

  private protectedMode(bits: CodeBits, cpl: 0 | 3): void {
    const { code64, code32, data32, user, code16 } = Rights;
    this.describe(Select.code64, descriptor(0, 0xffffffff, code64));
    this.describe(Select.data, descriptor(0, 0xffffffff, data32));
    this.describe(Select.code32, descriptor(0, 0xffffffff, code32));
    this.describe(Select.userCode32, descriptor(0, 0xffffffff, code32 | user));
    this.describe(Select.userData, descriptor(0, 0xffffffff, data32 | user));
    this.describe(Select.userCode64, descriptor(0, 0xffffffff, code64 | user));
    this.describe(Select.code16, descriptor(0, 0xffff, code16));
    this.describe(Select.tss, descriptor(At.tss, 0x67, Rights.busyTss64));
    this.describe(Select.absent, descriptor(0, 0xffffffff, data32 & ~0x80));
    this.u32[Layout.GDTR_LIMIT / 4] = 0xff;
    this.set('GDTR_BASE', At.gdt);
    this.set('IDTR_BASE', At.idt);
    this.u32[Layout.IDTR_LIMIT / 4] = 0xfff;
    const long = this.paging === '4-level';
    for (let vector = 0; vector < 256; vector++) {
      this.poke(At.handlers + vector * 16, 0xf4);
      if (long) this.gate(vector, gate64(Select.code64, BigInt(At.handlers + vector * 16)));
      else this.poke64(At.idt + vector * 8, gate32(Select.code32, At.handlers + vector * 16));
    }
    this.writeTss(long);
    setSegment(this, Segment.TR, Select.tss, At.tss, 0x67, Rights.busyTss64);
    const ring = cpl === 3 ? user : 0;
    const code = bits === 64 ? code64 : code32;
    const selector =
      cpl === 0 ? (bits === 64 ? Select.code64 : Select.code32) : bits === 64 ? Select.userCode64 : Select.userCode32;
    setSegment(this, Segment.CS, selector, 0, 0xffffffff, code | ring);
    for (const segment of [Segment.SS, Segment.DS, Segment.ES, Segment.FS, Segment.GS]) {
      setSegment(this, segment, cpl === 0 ? Select.data : Select.userData, 0, 0xffffffff, data32 | ring);
    }
    setSegment(this, Segment.LDTR, 0, 0, 0, Rights.unusable);
    this.u32[Layout.CPL / 4] = cpl;
  }

  /** Writes a gate of the long-mode IDT. */
  gate(vector: number, [low, high]: readonly [bigint, bigint]): void {
    this.poke64(At.idt + vector * 16, low);
    this.poke64(At.idt + vector * 16 + 8, high);
  }

  private writeTss(long: boolean): void {
    if (long) {
      this.poke32(At.tss + 4, At.ring0StackTop);
      this.poke32(At.tss + 0x24, At.istStackTop);
    } else {
      this.poke32(At.tss + 4, At.ring0StackTop);
      this.poke32(At.tss + 8, Select.data);
    }
    this.poke(At.tss + 0x66, 0x68);
  }
}
