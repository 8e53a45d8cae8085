// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { RECORD_BYTES } from '../layout/record_format.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import type { CompiledForms } from './compiled_forms.js';
import { DecodedCode } from './decoded_code.js';
import { emitRegion } from './region_emitter.js';
import { regionGraph, type RegionBlock } from './region_graph.js';
import { regionModule, type PlacedFunction } from './region_module.js';

/** Whether and when code is compiled: where it is executed often, or all code at once, for tests. */
export type CompiledTierMode = 'on' | 'forced';

/** What its owner says. */
export interface CompiledTierOptions {
  readonly mode: CompiledTierMode;
  /** What can be compiled. Called when something is to be compiled, until it is there. */
  readonly forms: () => CompiledForms | undefined;
}

/** What the tier needs of the core. */
export interface CompiledTierParts {
  readonly memory: WebAssembly.Memory;
  /** The core's table of functions. */
  readonly table: WebAssembly.Table;
  readonly options: CompiledTierOptions;
  /** Forgets all decoded code. */
  readonly flushCode: () => void;
  /** How many instructions the core runs at most between two calls of `compileWanted`. */
  readonly runLength: number;
}

/** A module whose regions are in the table. */
interface LiveModule {
  readonly bytes: number;
  regions: number;
}

/** A region that is in the table. */
interface Region {
  readonly slot: number;
  readonly module: LiveModule;
  readonly page: number;
  readonly offset: number;
  readonly head: number;
}

/** A region that was compiled, for those who look at regions. */
export interface CompiledRegion {
  /** Where its page is in the machine's memory. */
  readonly at: number;
  /** Where in the page it begins. */
  readonly offset: number;
  readonly root: RegionBlock;
}

/** What a tier has made: guest instructions are counted as often as they are in a region. */
export interface CompiledTierStatistics {
  regions: number;
  modules: number;
  instructions: number;
  bytes: number;
  emitMilliseconds: number;
  compileMilliseconds: number;
  /** The longest time that the guest has waited for it. */
  longestMilliseconds: number;
}

/** What compiled code has executed. */
export interface ExecutedRegions {
  readonly instructions: number;
  /** How often the interpreter entered a region. */
  readonly entries: number;
  /** How often the interpreter went on behind a region, by the reason. */
  readonly leaves: {
    /** Control went out of the region, to code that has none. */
    readonly target: number;
    /** An instruction is the interpreter's. */
    readonly instruction: number;
    /** The data TLB has no place for an access, or the instruction faults. */
    readonly access: number;
    /** The turn may have ended before the next pass. */
    readonly budget: number;
    /** A device was reached, code was written, or a watchpoint met. */
    readonly due: number;
  };
}

const WASM_PAGE = 0x10000;
/** Slots by which the table grows. */
const SLOTS = 64;

/** How warm a head must be, in visits: docs/decisions, "Compiled regions". */
const HEAT_WANTED = 20_000;
/**
 * Regions of a module, and how many instructions the first of them waits for the others: V8 copies the table for each instance, and looks at all
 * instances when it changes.
 */
const BATCH = 48;
const PATIENCE = 2_400_000;
/** After each so many modules the wait is longer by `PATIENCE`. */
const PATIENT_AFTER = 50;

/**
 * Milliseconds after which no more regions are emitted in one go: the guest waits meanwhile, and somebody may be typing. A region and the
 * compilation of the module come on top. The rest of the list comes after the next turn of a processor.
 */
const LONGEST_EMISSION = 15;

/** Bytes of live modules. Beyond them all regions are dropped, with all decoded code: those that are still hot come back. */
const MOST_BYTES = 64 << 20;
/** A page whose code was forgotten so often changes too often to be worth compiling. */
const MOST_FORGOTTEN = 16;

/** A region that is about to be installed. */
interface NewRegion extends PlacedFunction, Omit<CompiledRegion, 'at'> {
  readonly page: number;
  readonly head: number;
  /** Bytes of the records of its first block. */
  readonly records: number;
}

/**
 * Compiles the guest's hot code to WebAssembly. The interpreter says which heads of blocks it comes to most often; between two runs of the core,
 * `compileWanted` puts regions in their place. A region that comes later changes speed only.
 */
export class CompiledTier {
  /** What was made so far. */
  readonly statistics: CompiledTierStatistics = {
    regions: 0,
    modules: 0,
    instructions: 0,
    bytes: 0,
    emitMilliseconds: 0,
    compileMilliseconds: 0,
    longestMilliseconds: 0,
  };
  /** Why nothing more is compiled, if the host had no room for it. */
  failure: string | undefined;
  /** Told of each region that was compiled, before it runs. */
  observer: ((region: CompiledRegion) => void) | undefined;
  private readonly code: DecodedCode;
  private readonly u32: Uint32Array;
  private readonly memoryPages: number;
  private readonly regions = new Map<number, Region>();
  private readonly freeSlots: number[] = [];
  private readonly forgottenOf: Uint8Array;
  private ownForms: CompiledForms | undefined;
  private liveBytes = 0;
  /** Instructions, at most, since the first head of the list was wanted. */
  private waited = 0;
  /** The list has the rest of a batch. */
  private isBehind = false;
  private generation: number;
  private forgotten: number;

  constructor(private readonly parts: CompiledTierParts) {
    const { memory, options } = parts;
    this.code = new DecodedCode(memory);
    this.u32 = new Uint32Array(memory.buffer);
    this.memoryPages = memory.buffer.byteLength / WASM_PAGE;
    this.forgottenOf = new Uint8Array((memory.buffer.byteLength - Layout.RAM) / PAGE_BYTES);
    this.generation = this.u32[Layout.RECORD_GENERATION / 4]!;
    this.forgotten = this.u32[Layout.REGIONS_FORGOTTEN / 4]!;
    this.u32[Layout.HEAT_WANTED / 4] = options.mode === 'forced' ? 1 : HEAT_WANTED;
  }

  /** What regions have done since the machine was made. */
  get executed(): ExecutedRegions {
    const { u32 } = this;
    const word = (at: number): number => u32[at / 4]! + u32[at / 4 + 1]! * 2 ** 32;
    const leaves = (reason: number): number => word(Layout.REGION_LEAVES + reason * 8);
    return {
      instructions: word(Layout.REGION_INSTRUCTIONS),
      entries: word(Layout.REGION_ENTRIES),
      leaves: {
        target: leaves(Constants.LEFT_TARGET),
        instruction: leaves(Constants.LEFT_INSTRUCTION),
        access: leaves(Constants.LEFT_ACCESS),
        budget: leaves(Constants.LEFT_BUDGET),
        due: leaves(Constants.LEFT_DUE),
      },
    };
  }

  /** Compiles what the interpreter wants. Call it while the core does not run. */
  compileWanted(): void {
    const { u32 } = this;
    const count = u32[Layout.WANTED_COUNT / 4]!;
    if (count === 0 || this.isWaiting(count)) return;
    const started = performance.now();
    if (this.ownForms === undefined) this.readForms();
    else this.compileList(count, started);
    const { statistics } = this;
    statistics.longestMilliseconds = Math.max(statistics.longestMilliseconds, performance.now() - started);
  }

  /** That takes as long as a batch, which comes after the next turn. */
  private readForms(): void {
    this.ownForms = this.parts.options.forms();
    this.isBehind = this.ownForms !== undefined;
  }

  private compileList(count: number, started: number): void {
    const { u32 } = this;
    this.waited = 0;
    const wanted = new Set(u32.subarray(Layout.WANTED_LIST / 4, Layout.WANTED_LIST / 4 + count));
    u32[Layout.WANTED_COUNT / 4] = 0;
    this.dropForgotten();
    this.compileSome([...wanted], started);
  }

  private compileSome(wanted: readonly number[], started: number): void {
    const { u32 } = this;
    try {
      this.wantLater(this.compile(wanted, started));
    } catch (error) {
      // The host has no more room for code: what is compiled stays, and the rest is interpreted.
      if (!(error instanceof RangeError)) throw error;
      this.failure = error.message;
      u32[Layout.HEAT_WANTED / 4] = 0;
    }
    if (this.liveBytes <= MOST_BYTES) return;
    this.parts.flushCode();
    this.dropForgotten();
  }

  /** @returns those for which the time did not suffice */
  private compile(wanted: readonly number[], started: number): readonly number[] {
    const { statistics } = this;
    const regions: NewRegion[] = [];
    let done = 0;
    let now = started;
    while (done < wanted.length && (done === 0 || now - started < LONGEST_EMISSION)) {
      const region = this.region(wanted[done++]!);
      if (region !== undefined) regions.push(region);
      now = performance.now();
    }
    statistics.emitMilliseconds += now - started;
    if (regions.length > 0) this.install(regions);
    statistics.compileMilliseconds += performance.now() - now;
    return wanted.slice(done);
  }

  /** Puts what is left of a batch into the list, to be compiled without a wait. */
  private wantLater(rest: readonly number[]): void {
    this.u32.set(rest, Layout.WANTED_LIST / 4);
    this.u32[Layout.WANTED_COUNT / 4] = rest.length;
    this.isBehind = rest.length > 0;
  }

  private get forms(): CompiledForms {
    return this.ownForms!;
  }

  private isWaiting(count: number): boolean {
    const { options, runLength } = this.parts;
    if (options.mode === 'forced' || count >= BATCH || this.isBehind) return false;
    return (this.waited += runLength) < PATIENCE * (1 + this.statistics.modules / PATIENT_AFTER);
  }

  /** @param place of a head: its offset from RAM */
  private region(place: number): NewRegion | undefined {
    const { code } = this;
    const { forms } = this;
    const page = place >>> 12;
    const offset = place & (PAGE_BYTES - 1);
    const index = code.indexOf(page, Constants.DECODE_CODE64);
    const head = index === 0 ? 0 : code.headAt(index, offset);
    if (head === 0 || code.formOf(head) === forms.region || this.forgottenOf[page]! >= MOST_FORGOTTEN) return undefined;
    const { recordNext } = code;
    const root = regionGraph(code, forms, index, offset);
    const emitted = root && emitRegion(root, forms);
    // nothing is won where handlers do it all
    if (root === undefined || emitted === undefined || emitted.handled === emitted.instructions) {
      code.recordNext = recordNext;
      return undefined;
    }
    const { body, instructions } = emitted;
    this.statistics.instructions += instructions;
    return { body, slot: this.takeSlot(), page, offset, root, head, records: this.recordBytes(head) };
  }

  /** Bytes of the records of a block. */
  private recordBytes(head: number): number {
    for (let record = head; ; record += RECORD_BYTES)
      if (this.forms.endsRecords(this.code.formOf(record))) return record + RECORD_BYTES - head;
  }

  private install(regions: readonly NewRegion[]): void {
    const { code, statistics } = this;
    const { memory, table } = this.parts;
    const bytes = regionModule(regions, this.memoryPages);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { core: { memory, table } });
    const module: LiveModule = { bytes: bytes.length, regions: 0 };
    statistics.modules++;
    statistics.bytes += bytes.length;
    for (const { slot, head, page, offset, root, records } of regions) {
      if (!code.replaceHead(head, records, slot, this.forms.region)) {
        this.release(slot);
        continue;
      }
      code.markRegions(code.indexOf(page, Constants.DECODE_CODE64));
      this.regions.set(slot, { slot, module, page, offset, head });
      module.regions++;
      statistics.regions++;
      this.observer?.({ at: Layout.RAM + page * PAGE_BYTES, offset, root });
    }
    if (module.regions > 0) this.liveBytes += bytes.length;
  }

  private takeSlot(): number {
    const { table } = this.parts;
    const free = this.freeSlots.pop();
    if (free !== undefined) return free;
    const first = table.grow(SLOTS);
    for (let slot = first + SLOTS - 1; slot > first; slot--) this.freeSlots.push(slot);
    return first;
  }

  private release(slot: number): void {
    this.parts.table.set(slot, null);
    this.freeSlots.push(slot);
  }

  /** Frees the slots of regions whose code was forgotten. */
  private dropForgotten(): void {
    const { u32 } = this;
    const forgotten = u32[Layout.REGIONS_FORGOTTEN / 4]!;
    if (forgotten === this.forgotten) return;
    this.forgotten = forgotten;
    const generation = u32[Layout.RECORD_GENERATION / 4]!;
    const areAllForgotten = generation !== this.generation;
    this.generation = generation;
    if (areAllForgotten) this.forgottenOf.fill(0);
    const pages = new Set<number>();
    for (const region of this.regions.values()) {
      if (!areAllForgotten && this.isThere(region)) continue;
      pages.add(region.page);
      this.drop(region);
    }
    // a page with many regions is forgotten once
    if (!areAllForgotten) for (const page of pages) this.forgottenOf[page]! += 1;
  }

  private drop({ slot, module }: Region): void {
    this.regions.delete(slot);
    this.release(slot);
    module.regions--;
    if (module.regions === 0) this.liveBytes -= module.bytes;
  }

  private isThere({ page, offset, head, slot }: Region): boolean {
    const { code } = this;
    const index = code.indexOf(page, Constants.DECODE_CODE64);
    if (index === 0 || code.headAt(index, offset) !== head) return false;
    return code.formOf(head) === this.forms.region && code.slotOf(head) === slot;
  }
}
