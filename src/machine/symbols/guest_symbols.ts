// SPDX-License-Identifier: LGPL-2.1-only
import { Efer } from '../../intrinsics/registers/registers.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { shownPlace, symbolText, type SymbolPlace } from '../../intrinsics/texts/symbol_place.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { guestState, type ExecutionState } from '../report/execution_state.js';
import { pageWalk } from '../report/page_walk.js';
import { walkedMemory } from '../report/walked_memory.js';
import { Kallsyms } from './kallsyms.js';
import { findKallsyms } from './kallsyms_places.js';
import { findInModules } from './linux_modules.js';
import { OrcTables } from './orc_tables.js';
import type { SymbolMemory } from './symbol_memory.js';
import type { SymbolFile } from './symbol_file.js';
import { KERNEL_HALF } from './symbol_table.js';
import { VirtualMemory } from './virtual_memory.js';

/** How far behind and before the entry of SYSCALL the kernel's image reaches, at most. */
const IMAGE_BEHIND = 64 << 20;
const IMAGE_BEFORE = 32 << 20;

/** Names of a Linux kernel: its first address, its page tables, and the list of its modules. */
const TEXT = '_text';
const PAGE_TABLE = 'init_top_pgt';
const MODULES = 'modules';

/** Where the kernel's image is. */
interface Anchor {
  readonly virtual: bigint;
  readonly guestPhysical: bigint;
  readonly physical: bigint;
  readonly space: ExecutionState;
  readonly processor: LogicalProcessor;
}

/**
 * The names of the guest's code and data: of files, and of the tables that a Linux kernel has in memory. The kernel's image is found by the entry of
 * SYSCALL, wherever the kernel has put itself. Reading changes nothing: no TLB, no accessed bit.
 *
 * An answer follows from the files and from the guest's memory alone. What is kept between two questions is only where the tables are, and is checked again.
 */
export class GuestSymbols {
  private kernel: { readonly kallsyms: Kallsyms; readonly anchor: Anchor } | undefined;
  /** Addresses of the kernel's names that were asked for. */
  private readonly known = new Map<string, bigint | undefined>();
  /** The entry of SYSCALL around which no tables are. */
  private without: bigint | undefined;

  /** @param processors the one that executes now comes first */
  constructor(
    private readonly memory: SymbolMemory,
    private readonly processors: () => readonly LogicalProcessor[],
    private readonly files: readonly SymbolFile[] = [],
  ) {}

  /** The last symbol at or below an address. Undefined if the address belongs to none. */
  find(address: bigint): SymbolPlace | undefined {
    return this.whileStill()(address);
  }

  /** Answers as `find` gives them, for many questions while the machine does not run: tables are looked for once, and a name is read once. */
  whileStill(): (address: bigint) => SymbolPlace | undefined {
    const kallsyms = this.kallsyms();
    const files = this.files.map((file) => ({ ...file, offset: this.offsetOf(file) }));
    const names = new Map<number, string>();
    const placeOf = (address: bigint): SymbolPlace | undefined => {
      for (const { table, offset } of files) {
        const found = table.find(BigInt.asUintN(64, address - offset));
        if (found !== undefined) return found;
      }
      if (address < KERNEL_HALF) return undefined;
      return kallsyms?.find(address, names) ?? this.findInModules(address);
    };
    return (address) => {
      const place = placeOf(address);
      return place && shownPlace(place);
    };
  }

  /** The same as a text: `name`, `name+0x1a` or `name+0x1a [module]`. */
  nameOf(address: bigint): string | undefined {
    const place = this.find(address);
    return place && symbolText(place);
  }

  /** The address of the first symbol of a name. Modules of the guest's kernel do not count. */
  addressOf(name: string): bigint | undefined {
    for (const file of this.files) {
      const found = file.table.addressOf(name);
      if (found !== undefined) return BigInt.asUintN(64, found + this.offsetOf(file));
    }
    return this.kernelAddress(name);
  }

  /** The tables by which the guest's kernel finds who called a function, as they are now. Undefined if it has none, or no names. */
  callTables(): OrcTables | undefined {
    if (this.kallsyms() === undefined) return undefined;
    const { virtual, physical } = this.kernel!.anchor;
    return OrcTables.of(this.memory, (name) => this.addressOf(name), virtual - physical);
  }

  /** Whether a processor has set IA32_LSTAR as kernels do. */
  get hasKernel(): boolean {
    return this.syscallEntry() !== undefined;
  }

  /** Why no address of the guest's kernel has a name. Undefined if the kernel's own names are known. */
  whyNone(): string | undefined {
    if (this.kallsyms() !== undefined) return undefined;
    const entry = this.syscallEntry();
    if (entry === undefined) return 'no kernel has set IA32_LSTAR, by which the names of Linux are found';
    const where = `IA32_LSTAR is ${hex(entry)}`;
    if (entry !== this.without) return `${where}, which is not mapped`;
    return `${where}, and no tables of names of a Linux kernel are around it (CONFIG_KALLSYMS), or they have a layout that is not known`;
  }

  /** The address space of what a processor executes. */
  spaceOf(processor: LogicalProcessor, space: ExecutionState): VirtualMemory {
    return new VirtualMemory(this.memory, walkedMemory(processor), space);
  }

  private syscallEntry(): bigint | undefined {
    const entries = this.processors().map(({ core }) => core.block.get('LSTAR'));
    return entries.find((address) => address >= KERNEL_HALF);
  }

  /** Where nobody said by how much the addresses of a kernel's file are moved, the kernel's own tables do. */
  private offsetOf({ table, offset }: SymbolFile): bigint {
    if (offset !== undefined) return offset;
    const text = table.addressOf(TEXT);
    const own = text === undefined ? undefined : this.kernelAddress(TEXT);
    return text === undefined || own === undefined ? 0n : own - text;
  }

  private kernelAddress(name: string): bigint | undefined {
    const kallsyms = this.kallsyms();
    if (kallsyms === undefined) return undefined;
    if (!this.known.has(name)) this.known.set(name, kallsyms.addressOf(name));
    return this.known.get(name);
  }

  private findInModules(address: bigint): SymbolPlace | undefined {
    const pageTable = this.kernelAddress(PAGE_TABLE);
    const list = this.kernelAddress(MODULES);
    if (pageTable === undefined || list === undefined) return undefined;
    const { virtual, guestPhysical, space, processor } = this.kernel!.anchor;
    // The page tables of a process may lack the kernel.
    const kernelSpace = { ...space, cr3: pageTable - virtual + guestPhysical };
    return findInModules(this.spaceOf(processor, kernelSpace), list, address);
  }

  private kallsyms(): Kallsyms | undefined {
    if (this.kernel?.kallsyms.isThere === true) return this.kernel.kallsyms;
    this.kernel = undefined;
    this.known.clear();
    for (const processor of this.processors()) {
      const anchor = anchorOf(processor);
      if (anchor === undefined || anchor.virtual === this.without) continue;
      const kallsyms = this.kallsymsAround(anchor);
      if (kallsyms === undefined) this.without = anchor.virtual;
      else {
        this.kernel = { kallsyms, anchor };
        return kallsyms;
      }
    }
    return undefined;
  }

  private kallsymsAround({ virtual, physical }: Anchor): Kallsyms | undefined {
    const { memory } = this;
    const offset = virtual - physical;
    const at = Number(physical);
    const places =
      findKallsyms(memory, at, at + IMAGE_BEHIND, offset) ?? findKallsyms(memory, at - IMAGE_BEFORE, at, offset);
    return places && new Kallsyms(memory, places, offset);
  }
}

/** The entry of SYSCALL, which is in the kernel's image and mapped in each address space. */
function anchorOf(processor: LogicalProcessor): Anchor | undefined {
  const virtual = processor.core.block.get('LSTAR');
  const space = guestState(processor);
  if (virtual < KERNEL_HALF || (space.efer & BigInt(Efer.Lma)) === 0n) return undefined;
  const { physical, guestPhysical } = pageWalk(space, walkedMemory(processor), virtual);
  if (physical === null || guestPhysical === null) return undefined;
  return { virtual, physical: BigInt(physical), guestPhysical: BigInt(guestPhysical), space, processor };
}
