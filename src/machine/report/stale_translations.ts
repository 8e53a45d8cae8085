// SPDX-License-Identifier: LGPL-2.1-only
// Translations that a processor still has in its TLB although the paging structures now say something else, for reports. Software that forgets INVLPG,
// INVVPID or INVEPT leaves such translations behind. SDM 3A "Invalidation of TLBs and Paging-Structure Caches", SDM 3C "Invalidating Cached Translation
// Information". Nothing here changes the TLB.
import { Cr0, Efer } from '../../intrinsics/registers/registers.js';
import { EptEntry, PageTableEntry, PageTableEntryHigh } from '../../intrinsics/structures/memory_structures.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { Sizes } from '../layout/regions.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import type { ProcessorCore } from '../processor/processor_core.js';
import { DATA_TABLES, saveTlbs, type TlbSetState } from '../state/tlb_snapshot.js';
import type { ExecutionState } from './execution_state.js';
import { pageWalk, type PageWalk } from './page_walk.js';
import { walkedMemory } from './walked_memory.js';

export type TranslatedAccess = 'read' | 'write' | 'execute';

/** What the TLB still permits, and the paging structures do not, or no longer at this place. Plain JSON values. */
export interface StaleTranslation {
  readonly accesses: readonly TranslatedAccess[];
  /** Where the accesses go. */
  readonly physical: string;
}

/** A walk, and how the TLB differs from it. */
export interface CheckedWalk extends PageWalk {
  /** Only if there are any. */
  readonly stale?: readonly StaleTranslation[];
}

const PAGE_SHIFT = 12n;
/** The parts of TLB_GUEST_TAG: EPT pointer, VPID, and a bit that says that there is something. */
const TAG_POINTER_BITS = 48;
const NOTHING = 0n;

/** How software in a state reaches a linear address, by the paging structures and by what the TLB still has of them. */
export function checkedWalk(processor: LogicalProcessor, state: ExecutionState, linear: bigint): CheckedWalk {
  const walk = pageWalk(state, walkedMemory(processor), linear);
  const stale = staleTranslations(processor, state, walk);
  return stale.length === 0 ? walk : { ...walk, stale };
}

/** @returns none if the TLB has nothing of the page, or the same */
function staleTranslations(processor: LogicalProcessor, state: ExecutionState, walk: PageWalk): StaleTranslation[] {
  const { core, engine } = processor;
  const isGuest = engine.nonRoot || state.eptPointer !== undefined;
  if (isGuest && !survivesEntry(processor, state)) return [];
  const logged = [core.u32[Layout.TLB_LOG_COUNT0 / 4]!, core.u32[Layout.TLB_LOG_COUNT1 / 4]!] as const;
  const cached = cachedTranslations(saveTlbs(core, core.block.id, logged)[isGuest ? 1 : 0], BigInt(walk.linear));
  const permitted = permittedAccesses(state, walk);
  const frame = walk.physical === null ? undefined : frameOf(core, BigInt(walk.physical));
  return [...cached].flatMap(([cachedFrame, accesses]) => {
    const stale = [...accesses].filter((access) => cachedFrame !== frame || !permitted.has(access));
    return stale.length === 0 ? [] : [{ accesses: stale, physical: hex(physicalOf(core, cachedFrame)) }];
  });
}

/** Where the TLB leads accesses to a page, by frame: a number of a page from the start of RAM. */
function cachedTranslations(set: TlbSetState, linear: bigint): Map<number, Set<TranslatedAccess>> {
  const found = new Map<number, Set<TranslatedAccess>>();
  set.linear.forEach((page, i) => {
    if (page !== linear >> PAGE_SHIFT) return;
    const frame = set.frames[i]!;
    const accesses = found.get(frame) ?? new Set<TranslatedAccess>();
    found.set(frame, accesses);
    const isData = set.places[i]! < DATA_TABLES * Constants.TLB_ENTRIES;
    accesses.add(isData ? 'read' : 'execute');
    if (set.writable[i] === 1) accesses.add('write');
  });
  return found;
}

/** Whether the guest's translations are there when it goes on: an entry with another EPT pointer, or without a VPID, drops them. */
function survivesEntry({ core, engine }: LogicalProcessor, { eptPointer }: ExecutionState): boolean {
  if (engine.nonRoot) return true;
  const tag = core.u64[Layout.TLB_GUEST_TAG / 8]!;
  const vpid = BigInt(core.block.get('VMX_VPID'));
  if (tag === NOTHING || vpid === 0n) return false;
  return BigInt.asUintN(TAG_POINTER_BITS, tag) === BigInt.asUintN(TAG_POINTER_BITS, eptPointer ?? 0n);
}

/** What the paging structures and EPT permit to supervisor and user together; what the TLB has beyond is stale. */
function permittedAccesses({ cr0, efer }: ExecutionState, { steps, ept }: PageWalk): Set<TranslatedAccess> {
  const valueOf = ({ value }: { readonly value: string | null }): bigint => BigInt(value ?? 0);
  const permitted = new Set<TranslatedAccess>(['read', 'write', 'execute']);
  const has = (value: bigint, bits: number): boolean => (value & BigInt(bits)) !== 0n;
  const protects = has(cr0, Cr0.WriteProtect);
  const hasNx = has(efer, Efer.Nxe);
  for (const value of steps.map(valueOf)) {
    if (protects && !has(value, PageTableEntry.Rw)) permitted.delete('write');
    if (hasNx && has(value >> 32n, PageTableEntryHigh.Nx)) permitted.delete('execute');
  }
  for (const value of ept?.steps.map(valueOf) ?? []) {
    if (!has(value, EptEntry.Read)) permitted.delete('read');
    if (!has(value, EptEntry.Write)) permitted.delete('write');
    if (!has(value, EptEntry.Execute | EptEntry.ExecuteUserMode)) permitted.delete('execute');
  }
  return permitted;
}

function frameOf(core: ProcessorCore, physical: bigint): number | undefined {
  const offset = core.physicalOffset(Number(physical));
  return offset < 0 ? undefined : (offset - Layout.RAM) >>> Number(PAGE_SHIFT);
}

/** The VMM's memory comes behind RAM in the machine's memory, and at CARVE_OUT_GIB for software. */
function physicalOf({ u32 }: ProcessorCore, frame: number): bigint {
  const at = BigInt(frame) << PAGE_SHIFT;
  const ram = BigInt(u32[Layout.RAM_BYTES / 4]!);
  return at < ram ? at : at - ram + (BigInt(Sizes.CARVE_OUT_GIB) << 30n);
}

/** Lines for people. */
export const staleLines = (stale: readonly StaleTranslation[]): string[] =>
  stale.map(
    ({ accesses, physical }) =>
      `the TLB still has an older translation: ${accesses.join(', ')} go to physical ${physical}; INVEPT, INVVPID or INVLPG would drop it`,
  );
