// SPDX-License-Identifier: LGPL-2.1-only
// Which TLBs the next access uses: those of the loaded processor, of its set (host or guest) and of the privilege. SDM 3A "Determination
// of Access Rights".
import { Cr4, Rflags, VmxMode } from "../generated/architecture";
import {
  CPL, CR4, EMPTY_TLB, PROCESSOR_ID, RFLAGS_SYSTEM, TLB_AREA, TLB_BYTES, TLB_DATA, TLB_FETCH, TLB_FETCHES, TLB_SET,
  TLBS, VMX_MODE,
} from "../generated/layout";
import { SUPERVISOR, SUPERVISOR_AC, USER } from "../state/access_kind";
import { watchesAccesses } from "../state/debugger_stops";

/** Address of the data TLB of the current privilege (copy of the word TLB_DATA). */
export let tlbBase: usize = 0;
/** Address of the fetch TLB of the current privilege (copy of the word TLB_FETCH). */
export let fetchBase: usize = 0;

/** TLB area of the loaded processor, its current set (0 host, 1 guest) and the context of ordinary data accesses. */
export let tlbArea: usize = TLBS;
export let currentSet: u32 = 0;
export let context: u32 = SUPERVISOR;
/** Takes the TLB area of the processor that is loaded. */
export function selectArea(): void { tlbArea = TLBS + load<u32>(PROCESSOR_ID) * TLB_AREA; }
/**
 * Selects the TLBs for the processor's set and privilege; called whenever CPL, AC, the segments' flatness, VMX mode or the processor
 * changes.
 */
export function selectContext(checked: bool): void {
  selectArea();
  currentSet = u32(load<u32>(VMX_MODE) == VmxMode.NonRoot);
  context = dataContext();
  store<u32>(TLB_DATA, <u32>(checked || watchesAccesses() ? EMPTY_TLB : dataTlb(context)));
  store<u32>(TLB_FETCH, <u32>(tlbArea + TLB_FETCHES + currentSet * 2 * TLB_BYTES + (context == USER ? TLB_BYTES : 0)));
  tlbBase = load<u32>(TLB_DATA);
  fetchBase = load<u32>(TLB_FETCH);
}
/** Another processor was loaded, whose block is complete: takes its TLBs as they are. */
export function resumeContext(): void {
  selectArea();
  currentSet = u32(load<u32>(VMX_MODE) == VmxMode.NonRoot);
  context = dataContext();
  tlbBase = load<u32>(TLB_DATA);
  fetchBase = load<u32>(TLB_FETCH);
}
/** The context of ordinary data accesses at the present privilege. */
function dataContext(): u32 {
  if (load<u32>(CPL) == 3) return USER;
  const suspended = (load<u32>(CR4) & Cr4.SmapEnableBit) != 0 && (load<u32>(RFLAGS_SYSTEM) & <u32>Rflags.AlignmentCheckAccessControl) != 0;
  return suspended ? SUPERVISOR_AC : SUPERVISOR;
}
@inline export function dataTlb(which: u32): usize { return tlbArea + currentSet * TLB_SET + which * TLB_BYTES; }
@inline export function slot(table: usize, linear: u64): usize { return table + ((<usize>(linear >> 12) & 1023) << 5); }
