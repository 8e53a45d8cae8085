// SPDX-License-Identifier: LGPL-2.1-only
// Where physical addresses lie in the machine's memory: RAM, and the VMM's memory at 4 GiB.
import {
  ABSENT, CARVE_OUT_ACCESS, CARVE_OUT_BYTES, CARVE_OUT_DRIVER, CARVE_OUT_GIB, CARVE_OUT_STRUCTURES, CARVE_OUT_VMM,
  CARVE_OUT_VMM_BYTES, DIRTY, PAGE_MAP, RAM, RAM_BYTES, VMX_EPTP, VMX_MODE,
} from "../generated/layout";
import { codeWritten } from "../code/code_pages";
import { noteWrite } from "../state/monitored_line";
import { VmxMode } from "../generated/architecture";
import { watchStructure } from "./watchpoints";

@external("env", "pageWanted") declare function pageWanted(page: u32): void;

/** True in a guest with EPT. */
@inline export function usesEpt(): bool { return load<u32>(VMX_MODE) == VmxMode.NonRoot && load<u64>(VMX_EPTP) != 0; }

/** Address in the machine's memory of a physical address in RAM or in one of `parts` of the carve-out, 0 if there is no memory. */
@inline function hostIn(pa: u64, parts: u32): usize {
  const ram = <u64>load<u32>(RAM_BYTES);
  if (pa < ram) {
    const page = <usize>(pa >> 12);
    if (load<u8>(ABSENT + page)) pageWanted(<u32>page);
    return RAM + <usize>pa;
  }
  const beyond = pa - (<u64>CARVE_OUT_GIB << 30);
  if (beyond >= CARVE_OUT_BYTES) return 0;
  return (parts & (beyond < CARVE_OUT_VMM_BYTES ? CARVE_OUT_VMM : CARVE_OUT_DRIVER)) != 0 ? RAM + <usize>ram + <usize>beyond : 0;
}
/**
 * The same for an access of software, after all translation: 0: a device answers there, or nothing does. Without EPT no guest and no system
 * reaches the VMM's memory; with EPT its owner decides. The driver's pages are there for the driver's context only.
 */
export function accessedHost(pa: u64): usize {
  return hostIn(pa, load<u32>(CARVE_OUT_ACCESS) | (usesEpt() ? load<u32>(CARVE_OUT_STRUCTURES) : 0));
}
/** The same for a structure that a VMCS names: EPT tables, bitmaps. */
export function structureHost(pa: u64): usize { return hostIn(pa, load<u32>(CARVE_OUT_STRUCTURES)); }
/** Notes that a page of RAM changes: for the state hash. */
@inline export function markDirty(host: usize): void { store<u8>(DIRTY + ((host - RAM) >> 12), 1); }
/** Notes that the processor itself wrote to memory, to a paging structure for example: also for MONITOR and for decoded code. */
export function structureWritten(host: usize, size: u32): void {
  const offset = <u32>(host - RAM);
  markDirty(host);
  noteWrite(offset, size);
  watchStructure(offset, size);
  if (load<u32>(PAGE_MAP + (offset >> 12) * 4)) codeWritten(offset, size);
}
