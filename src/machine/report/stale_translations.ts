// SPDX-License-Identifier: LGPL-2.1-only
// Translations that a processor still has in its TLB although the paging structures now say something else, for reports. Software that forgets INVLPG,
// INVVPID or INVEPT leaves such translations behind. SDM 3A "Invalidation of TLBs and Paging-Structure Caches", SDM 3C "Invalidating Cached Translation
// Information". Nothing here changes the TLB.
import { Cr0, Efer } from '../../intrinsics/registers/registers.js';
import { EptEntry, PageTableEntry, PageTableEntryHigh } from '../../intrinsics/structures/memory_structures.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { cachedPages, guestPointerKept, type TranslatedAccess } from '../state/tlb_snapshot.js';
import type { ExecutionState } from './execution_state.js';
import { pageWalk, type PageWalk } from './page_walk.js';
import { walkedMemory } from './walked_memory.js';

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

const PAGE_MASK = 0xfffn;

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
  const page = walk.physical === null ? undefined : BigInt(walk.physical) & ~PAGE_MASK;
  const permitted = permittedAccesses(state, walk);
  return cachedPages(core, processor.id, isGuest ? 1 : 0, BigInt(walk.linear)).flatMap(({ physical, accesses }) => {
    const stale = [...accesses].filter((access) => physical !== page || !permitted.has(access));
    return stale.length === 0 ? [] : [{ accesses: stale, physical: hex(physical) }];
  });
}

/** Whether the guest's translations are there when it goes on: an entry with another EPT pointer, or without a VPID, drops them. */
function survivesEntry({ core, engine }: LogicalProcessor, { eptPointer }: ExecutionState): boolean {
  if (engine.nonRoot) return true;
  return eptPointer !== undefined && guestPointerKept(core) === eptPointer;
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

/** Lines for people. */
export const staleLines = (stale: readonly StaleTranslation[]): string[] =>
  stale.map(
    ({ accesses, physical }) =>
      `the TLB still has an older translation: ${accesses.join(', ')} go to physical ${physical}; INVEPT, INVVPID or INVLPG would drop it`,
  );
