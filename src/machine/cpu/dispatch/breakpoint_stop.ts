// SPDX-License-Identifier: LGPL-2.1-only
// Breakpoints of the host's debugger: a processor stops before the instruction, and the guest does not notice.
import {
  BREAKPOINT_COUNT, BREAKPOINTS, CARVE_OUT_ACCESS, CARVE_OUT_DRIVER, HIT, HIT_ADDRESS, HIT_BREAKPOINT, HIT_RIP, PASSED_ADDRESS,
  PASSED_COUNT, PASSED_PROCESSOR, PROCESSOR_ID, RIP, STOP, STOP_REQUESTED,
} from "../generated/layout";
import { codeLinear } from "../memory/fetch";
import { breaksAt } from "../state/debugger_stops";
import { isRepeating, retired } from "../state/instruction";

function isBreakpoint(linear: u64): bool {
  for (let i: usize = 0, count = <usize>load<u32>(BREAKPOINT_COUNT); i < count; i++) {
    if (load<u64>(BREAKPOINTS + i * 8) == linear) return true;
  }
  return false;
}
/** True for the breakpoint at which the machine stopped last, before its instruction has retired. */
function isPassed(linear: u64): bool {
  return load<u32>(PASSED_PROCESSOR) == load<u32>(PROCESSOR_ID) && load<u64>(PASSED_COUNT) == retired()
    && load<u64>(PASSED_ADDRESS) == linear;
}
/**
 * Stops the processor if a breakpoint is at RIP, where it is about to execute an instruction. A repeated string instruction stops before
 * its first iteration. The driver's own code is not the guest's.
 */
export function stopsAtBreakpoint(): bool {
  const rip = load<u64>(RIP), linear = codeLinear(rip);
  if (!breaksAt(linear) || !isBreakpoint(linear) || isPassed(linear) || isRepeating()) return false;
  if (load<u32>(CARVE_OUT_ACCESS) & CARVE_OUT_DRIVER) return false;
  store<u32>(HIT, HIT_BREAKPOINT);
  store<u64>(HIT_ADDRESS, linear);
  store<u64>(HIT_RIP, rip);
  store<u32>(STOP, STOP_REQUESTED);
  return true;
}
