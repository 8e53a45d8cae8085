// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { CompiledForms } from '../../machine/compiled/compiled_forms.js';
import type { CompiledRegion } from '../../machine/compiled/compiled_tier.js';
import { RegionStructure } from '../../machine/compiled/region_structure.js';
import { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import { PAGE_BYTES } from '../../machine/memory/page_contents.js';
import type { Pc } from '../../machine/pc.js';
import type { RegionBlock } from '../../machine/compiled/region_graph.js';
import { regionListing, type ListedCode } from './region_listing.js';

/** A region with what its page held. */
interface NotedRegion extends CompiledRegion {
  readonly bytes: Uint8Array;
}

interface Found extends ListedCode {
  /** Where in the page it begins. */
  readonly offset: number;
}

const isNumber = (place: string): boolean => /^0x/i.test(place);
const noName = (name: string): string =>
  `"${name}" is no name of the guest: its kernel must have it when the run ends, or a file of --symbols`;

const inPage = BigInt(PAGE_BYTES - 1);

/**
 * What `--dump-compiled` shows: the regions that hold an address, noted when they are compiled. Later their process may be gone, and the page may hold
 * other code.
 */
export class CompiledDump {
  /** The newest region at each place at which one begins that holds the address. */
  private readonly found = new Map<number, Found>();
  /** Where other regions of the same page begin. */
  private readonly near = new Set<number>();
  /** All regions, while the address of a name is not known. */
  private readonly noted: NotedRegion[] = [];
  private readonly memory: DebuggedMemory;
  private address: bigint;

  private constructor(
    private readonly pc: Pc,
    private readonly place: string,
    private readonly forms: CompiledForms,
  ) {
    this.memory = new DebuggedMemory(pc);
    this.address = isNumber(place) ? BigInt(place) : 0n;
  }

  /**
   * Notes regions from now on. Precondition: the machine compiles.
   * @param place a linear address, in whatever address space a processor has when a region is compiled; or a name that the guest has at the end
   */
  static watch(pc: Pc, place: string, forms: CompiledForms): CompiledDump {
    const dump = new CompiledDump(pc, place, forms);
    pc.compiledTier!.observer = (region) => dump.note(region);
    return dump;
  }

  private note(region: CompiledRegion): void {
    const { at } = region;
    const isHere = isNumber(this.place);
    if (isHere && !this.isAt(at)) return;
    const noted = { ...region, bytes: this.pc.core.u8.slice(at, at + PAGE_BYTES) };
    if (isHere) this.take(noted);
    else this.noted.push(noted);
  }

  /** Takes a region of the page of the address. */
  private take({ offset, root, bytes }: NotedRegion): void {
    if (!this.isIn(root)) return void this.near.add(offset);
    // the newest one comes last
    this.found.delete(offset);
    this.found.set(offset, { root, offset, page: this.address & ~inPage, bytes });
  }

  /** True if a region has the instruction. */
  private isIn(root: RegionBlock): boolean {
    const wanted = Number(this.address & inPage);
    const instructions = new RegionStructure(root).nodes.flatMap(({ block }) => block.instructions);
    return instructions.some(({ pageOffset, length }) => wanted >= pageOffset && wanted < pageOffset + length);
  }

  /** True if a processor has the address in the page at a place of the machine's memory. */
  private isAt(at: number): boolean {
    const { core, processors } = this.pc;
    return processors.some(({ id }) => {
      const physical = this.memory.translate(id, this.address);
      const offset = physical === undefined ? -1 : core.physicalOffset(Number(physical));
      return offset >= at && offset < at + PAGE_BYTES;
    });
  }

  /** The region for people; or why there is none, and what to do. */
  async text(): Promise<string> {
    if (!isNumber(this.place) && !this.findName()) return noName(this.place);
    const { address, found } = this;
    const first = found.get(Number(address & inPage)) ?? [...found.values()].at(-1);
    if (first === undefined) return this.missing();
    const others = [...found.values()].filter((each) => each !== first);
    const also = others.map(({ page, offset }) => hex(page + BigInt(offset)));
    return [
      `the region that begins at ${hex(first.page + BigInt(first.offset))} holds ${hex(address)}:`,
      ...(await regionListing(first, this.forms)),
      ...(also.length > 0 ? [`${hex(address)} is also in the regions that begin at ${also.join(', ')}`] : []),
    ].join('\n');
  }

  private findName(): boolean {
    const address = this.pc.symbols.own.addressOf(this.place);
    if (address === undefined) return false;
    this.address = address;
    for (const region of this.noted.splice(0)) if (this.isAt(region.at)) this.take(region);
    return true;
  }

  private missing(): string {
    const { address, near } = this;
    const others = [...near].sort((a, b) => a - b).map((offset) => hex((address & ~inPage) + BigInt(offset)));
    return [
      `no compiled region holds ${hex(address)}: it was not hot, or the interpreter executes it, or no processor had mapped that address when its code was compiled`,
      ...(others.length > 0 ? [`regions of its page begin at ${others.join(', ')}`] : []),
      'to compile code after its first visit, run it again with --tier forced',
    ].join('\n');
  }
}
