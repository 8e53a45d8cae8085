// SPDX-License-Identifier: LGPL-2.1-only
// Where instruction bytes come from. SDM 3A "Paging".
import { CPL, CS_BASE, DECODE_CODE, DECODE_CODE64, DECODE_MODE, TLB_FETCH } from "../generated/layout";
import { FETCH, PAGE, SUPERVISOR, USER } from "../state/access_kind";
import { canonical, resolve, walkFlags } from "../translation/paging";
import { GP } from "../generated/architecture";
import { raiseCode } from "../events/raise";
import { accessedHost } from "../physical/ram";
import { slot } from "../tlb/context";
import { claim } from "../tlb/tlb";

@external("env", "mmioRead") declare function mmioRead(address: f64, size: u32): u32;

/** Physical address of the last fetch that met no RAM. */
export let fetchedPhysical: u64 = 0;
/**
 * Address in the machine's memory of the instruction byte at a linear address; fills the fetch TLB; faults. 0 where there is no RAM: then
 * the byte comes from the device, or the open bus, at `fetchedPhysical`.
 */
export function fetchSlow(linear: u64): usize {
  if ((load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 && !canonical(linear)) raiseCode(GP, 0);
  const which = load<u32>(CPL) == 3 ? USER : SUPERVISOR;
  const pa = resolve(linear, FETCH, which), host = accessedHost(pa);
  if (!host) { fetchedPhysical = pa; return 0; }
  const e = slot(<usize>load<u32>(TLB_FETCH), linear), page = linear & PAGE;
  if (load<u64>(e) != page) {
    claim(e, page, <u32>host - <u32>linear, walkFlags);
    store<u64>(e, 0, 8);
    store<u64>(e, 0, 16);
  }
  return host;
}
/** The instruction byte at a linear address, wherever it comes from. */
export function fetchByte(linear: u64): u32 {
  const host = fetchSlow(linear);
  return host ? load<u8>(host) : mmioRead(<f64>fetchedPhysical, 1) & 0xff;
}
/** Linear address of an offset in CS. */
@inline export function codeLinear(rip: u64): u64 {
  return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? rip : <u64><u32>(load<u64>(CS_BASE) + rip);
}
