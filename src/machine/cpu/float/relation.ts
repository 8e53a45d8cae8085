// SPDX-License-Identifier: LGPL-2.1-only
// Relations of floating-point numbers, and the flags that COMISS, FCOMI and their like report them by. SDM 2 "COMISS",
// "FCOMI/FCOMIP/FUCOMI/FUCOMIP".
import { setFlags } from "../state/registers";

@inline export const LESS: u32 = 0;
@inline export const EQUAL: u32 = 1;
@inline export const GREATER: u32 = 2;
@inline export const UNORDERED: u32 = 3;
/** ZF PF CF := relation: unordered 111, greater 000, less 001, equal 100; OF SF AF := 0 */
export function relationFlags(relation: u32): void {
  // FR 1 = no ZF, PF, SF; FR 0 = ZF and PF, the latter taken back by FC bit 2; FX bit 63 = CF keeps OF clear
  if (relation == UNORDERED) setFlags(0, <i64>0x8000000000000000, 1);
  else if (relation == EQUAL) setFlags(0, 0, 4);
  else if (relation == LESS) setFlags(1, <i64>0x8000000000000000, 1);
  else setFlags(1, 0, 0);
}
