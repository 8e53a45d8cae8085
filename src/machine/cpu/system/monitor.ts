// SPDX-License-Identifier: LGPL-2.1-only
// MONITOR and MWAIT: SDM 2B "MONITOR—Set Up Monitor Address", "MWAIT—Monitor Wait". A wait ends with a write to the line (by software, by
// a device or by the host), an interrupt, an NMI, INIT or a debug trap. Each ends its block.
import { ExitReason, GP, MiscEnable, PrimaryControl, Rflags, UD } from "../generated/architecture";
import {
  ACTIVITY, ACTIVITY_MWAIT, ACTIVITY_MWAIT_MASKED, ATTENTION, ATTENTION_STEP, CPL, MISC_ENABLE, RAM, RAX, RCX,
  RFLAGS_SYSTEM,
} from "../generated/layout";
import { raise, raiseCode } from "../events/raise";
import { inSegment } from "../integer/string";
import { probe } from "../memory/access";
import { reportedAddress } from "../code/record";
import { accessedHost } from "../physical/ram";
import { READ } from "../state/access_kind";
import { in64, updateAttention } from "../state/mode";
import { armLine, disarm, isArmed } from "../state/monitored_line";
import { reg, Reg } from "../state/registers";
import { context } from "../tlb/context";
import { protectPage } from "../tlb/tlb";
import { walk, walkPhysical } from "../translation/paging";
import { primary, vmExit } from "../vmx/vmx";

/** Extension of MWAIT: interrupts end the wait although they are masked. */
@inline const MASKED_INTERRUPTS_BREAK: u64 = 1;

/** #UD outside CPL 0, and while IA32_MISC_ENABLE says that the instructions do not exist. */
function checkAvailable(): void {
  if (load<u32>(CPL) != 0 || !(load<u32>(MISC_ENABLE) & MiscEnable.EnableMonitorFsm)) raise(UD);
}
/** RCX in 64-bit mode, else ECX. */
@inline function extensions(): u64 { return in64() ? reg<u64>(RCX) : <u64>reg<u32>(RCX); }

/** MONITOR: arms the line that holds the byte at DS:rAX, if that is RAM. It faults as a load of the byte does, and loads nothing. */
export function MONITOR<A>(segment: Reg): void {
  checkAvailable();
  if (primary(PrimaryControl.MonitorExiting)) { vmExit(ExitReason.Monitor, 0); return; }
  if (extensions() != 0) raiseCode(GP, 0);
  const ea = inSegment<A>(segment, <u64>reg<A>(RAX));
  probe(ea, 1, 1, 0);
  disarm();
  if (!walk(reportedAddress(ea), READ, context, true)) return;
  const host = accessedHost(walkPhysical);
  if (!host) return;                                                  // devices are not write-back memory
  armLine(<u32>(host - RAM));
  protectPage(<u32>(host - RAM) >> 12);
}
/**
 * MWAIT: waits if a line is armed, else does nothing. In non-root operation with "interrupt-window exiting" it does not wait for an
 * interrupt that is masked either. SDM 3C "Changes to Instruction Behavior in VMX Non-Root Operation".
 */
export function MWAIT(): void {
  checkAvailable();
  if (primary(PrimaryControl.MwaitExiting)) { vmExit(ExitReason.Mwait, u64(isArmed())); return; }
  const wanted = extensions();
  if (wanted & ~MASKED_INTERRUPTS_BREAK) raiseCode(GP, 0);
  const window = primary(PrimaryControl.InterruptWindowExiting) && !(load<u64>(RFLAGS_SYSTEM) & Rflags.InterruptEnableFlag);
  if (!isArmed() || (wanted != 0 && window)) return;
  store<u32>(ACTIVITY, wanted ? ACTIVITY_MWAIT_MASKED : ACTIVITY_MWAIT);
  updateAttention();
  store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_STEP);
}
