// SPDX-License-Identifier: LGPL-2.1-only
// The page-directory-pointer-table entries of PAE paging without EPT. On the bare machine MOV to CR3 loads them into registers, and what becomes of
// the table in memory makes no difference until the next load. VM entry loads them from memory each time, and refuses reserved bits. SDM 3C
// "Loading Page-Directory-Pointer-Table Entries", "Checks on Guest Page-Directory-Pointer-Table Entries". The VMM cannot lend the processor another
// table: CR3 has 32 bits outside IA-32e mode, and all memory below 4 GiB is the guest's. With EPT the VMCS has the registers, and none of this happens.
import { isPdpte, pdpteTable, usesPdptes } from '../../intrinsics/contents/control_register_contents.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import { SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { Cr0 } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { GuestMemory } from '../memory_manager/guest_memory.js';
import { PageTableEntryBit } from '../memory_manager/page_table_entry_x64.js';
import type { Vmcs } from '../vmcs/vmcs.js';

/** The four entries that a VM entry last loaded, and where from; −1: none. */
export interface LoadedPdptes {
  table: number;
  readonly entries: bigint[];
}

export const noPdptes = (): LoadedPdptes => ({ table: -1, entries: [0n, 0n, 0n, 0n] });

/** What `keepPdptes` needs. */
export interface PdpteContext {
  readonly vmcs: Vmcs;
  readonly memory: Pick<GuestMemory, 'readAsGuest64' | 'writeAsGuest'>;
  readonly facts: Pick<RegisterFacts, 'physicalAddressWidth'>;
  warn(message: string): void;
}

const entryBytes = 8;
const explanation =
  'the guest wrote a reserved bit into a PDPTE of the table that CR3 points to. The bare machine would look at the table at the next load of CR3 only, but ' +
  'without EPT each VM entry loads it. The entry became again what it was. Leave EPT on to keep what the guest wrote. SDM 3C "Checks on Guest ' +
  'Page-Directory-Pointer-Table Entries"';
const lowOf = (entry: bigint): number => Number(entry & 0xffffffffn) | 0;
const highOf = (entry: bigint): number => Number(entry >> 32n) | 0;

/**
 * Before a VM entry: an entry that the guest has made invalid since it was loaded becomes again what it was, so that the guest goes on as on the bare
 * machine. If the VMM does not know what it was, the entry becomes not present.
 */
export function keepPdptes(context: PdpteContext, loaded: LoadedPdptes): void {
  const { vmcs } = context;
  if (!loadsFromMemory(vmcs)) {
    loaded.table = -1;
    return;
  }
  const table = pdpteTable(vmcs.readLow(VmcsField.GuestCr3));
  for (const index of loaded.entries.keys()) {
    const at = BigInt(table + entryBytes * index);
    const entry = context.memory.readAsGuest64(at);
    const isValid = isPdpte(lowOf(entry), highOf(entry), context.facts.physicalAddressWidth);
    const before = loaded.table === table ? loaded.entries[index]! : entry & ~PageTableEntryBit.present;
    loaded.entries[index] = isValid ? entry : before;
    if (isValid) continue;
    context.warn(explanation);
    context.memory.writeAsGuest(at, new Uint8Array(BigUint64Array.of(before).buffer));
  }
  loaded.table = table;
}

/** Whether VM entry takes PDPTEs, and from memory. */
function loadsFromMemory(vmcs: Vmcs): boolean {
  const cr0 = vmcs.readLow(VmcsField.GuestCr0);
  // Each VM exit outside IA-32e mode comes here, so a guest without paging costs one read.
  if ((cr0 & Cr0.Paging) === 0) return false;
  const efer = vmcs.readLow(VmcsField.GuestIa32Efer);
  if (!usesPdptes(cr0, vmcs.readLow(VmcsField.GuestCr4), efer)) return false;
  return !vmcs.isEnabled('secondary', SecondaryControl.EnableEpt);
}
