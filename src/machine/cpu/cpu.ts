// SPDX-License-Identifier: LGPL-2.1-only
// The program: execute() is the processor's outer loop, everything else here is what the TypeScript wrapper calls. The order of what is
// looked at between two instructions is that of SDM 3A "Priority Among Simultaneous Exceptions and Interrupts" and SDM 3C "Other Causes of
// VM Exits".
import {
  ACTIVITY, ACTIVITY_MWAIT_MASKED, ATTENTION, ATTENTION_INIT, ATTENTION_INTERRUPT, ATTENTION_NMI, ATTENTION_SIPI, ATTENTION_STEP,
  ATTENTION_STOP,
  ATTENTION_VIRTUAL_APIC, BUDGET, BUDGET_START, CPL, CURRENT_RECORD, DEBUG_TRAPS, DEBUGCTL,
  EXIT_INTERRUPTION_INFORMATION, SCRATCH, DR0, DR7, FAULT_DEBUG,
  FAULT_PENDING, INTERRUPTIBILITY, RFLAGS_SYSTEM, RIP, STOP, STOP_IDLE, STOP_INCOMPLETE, STOP_REQUESTED,
  VMX_MTF_PENDING, VMX_PREEMPTION_DEADLINE, VMX_MODE, VMX_VIRTUAL_INTERRUPT, SS_RIGHTS, SIPI_VECTOR, CS, LDTR, TR, CR0, CR2, CR3, CR4, EFER,
  ES_BASE, ES_SELECTOR, ES_LIMIT, ES_RIGHTS, CS_SELECTOR, CS_BASE, GDTR_BASE, IDTR_BASE, GDTR_LIMIT, IDTR_LIMIT, DR6,
  APIC_BASE, RAX, RDX,
} from "./generated/layout";
import { looksAtBranches } from "./dispatch/branch_counts";
import { stopsAtBreakpoint } from "./dispatch/breakpoint_stop";
import { executeRecord, initializeRun, run, step } from "./dispatch/run";
import { decodeInstruction } from "./decode/decode";
import { nonRoot, updateAttention } from "./state/mode";
import { codeLinear } from "./memory/fetch";
import { translateQuietly } from "./translation/paging";
import { beginStep, rfLoaded, shadowBegun } from "./state/shadow";
import { pin, primary, vmExitBoundary, vmExitEvent } from "./vmx/vmx";
import { readMsr, timeStamp, writeMsr } from "./system/msr";
import { cpuid, cpuidA, cpuidB, cpuidC, cpuidD, cpuidEntry } from "./system/cpuid_leaves";
import { nextRandom } from "./system/random";
import { writeXcr } from "./system/system";
import { writeCr0, writeCr3, writeCr4, writeCr8 } from "./system/control";
import { loadSegmentRegister } from "./segmentation/segment";
import { write } from "./memory/access";
import { setArithmeticFlags } from "./state/flags";
import {
  ActivityState, DB, NMI, PinBasedControl, ExitReason, InterruptionType, PendingDebugExceptions, PrimaryControl, Rflags,
  ApicBase, CpuidLeaf, Cr0, Debugctl, Dr6, InterruptibilityState, ResetState, VmxMode,
} from "./generated/architecture";
import { codeWritten, flushCode } from "./code/code_pages";
import { deliverPending, injectEvent } from "./delivery/interrupt";
import { setEvent } from "./events/raise";
import { loadRealSegment } from "./segmentation/descriptors";
import { clearDelivered, delivered, isRepeating, keepTraps, setStepping, branchTaken } from "./state/instruction";
import { disarm, isArmed, isWaiting, leaveWait, noteWrite } from "./state/monitored_line";
import { exchange } from "./state/parked_block";
import { setReg } from "./state/registers";
import { resumeContext } from "./tlb/context";
import { updateMode } from "./tlb/mode_update";
import {
  addressSpaceChanged, enterAddressSpace, flushAllTlbs, flushGuestTlb, flushTlb, resetTlbs, watchWrites,
} from "./tlb/tlb";
import { takeWritten } from "./physical/written_pages";
import { processNotification } from "./virtual_apic/posted_interrupts";
import { takeVirtualInterrupt, virtualApicWork } from "./virtual_apic/virtual_apic";
import { isEnabled, isOfInstruction } from "./events/breakpoints";
import { CpuidEntry } from "./generated/model_tables";
import { eventInformation } from "./state/event_information";
import { BREAKPOINTS_ENABLED, SHADOWS } from "./state/masks";
import { dplOf } from "./state/rights";

@external("env", "acknowledgeInterrupt") declare function acknowledgeInterrupt(): i32;
@external("env", "initialized") declare function initialized(): void;

export {
  injectEvent, updateMode, updateAttention, flushTlb, flushGuestTlb, flushAllTlbs, watchWrites, readMsr, timeStamp,
  loadSegmentRegister, translateQuietly, codeWritten, flushCode, noteWrite, takeWritten,
};
// For the run-time compiler and the tests of decoder and templates.
export { decodeInstruction, executeRecord };

/** Sets up handler table, record space and TLBs. Once for a machine. */
export function initialize(): void {
  initializeRun();
  resetTlbs();
  updateMode();
  updateAttention();
}
/** Takes over a processor block that was copied in, or state that was changed by hand. */
export function stateLoaded(): void {
  store<u32>(CURRENT_RECORD, 0);
  store<u32>(CPL, dplOf(load<u32>(SS_RIGHTS)));                   // SS.DPL is CPL in all modes
  enterAddressSpace();
  updateMode();
  updateAttention();
}

/** The block and the TLBs of the loaded processor were written as a snapshot has them. Unlike `stateLoaded`, flushes nothing. */
export function processorRestored(): void {
  store<u32>(CURRENT_RECORD, 0);
  store<u32>(CPL, dplOf(load<u32>(SS_RIGHTS)));
  updateMode();
}

/** Loads another processor, with its block and its TLBs as it left them. */
export function loadProcessor(processor: u32): void {
  store<u32>(CURRENT_RECORD, 0);
  exchange(processor);
  resumeContext();
}

/** Runs until the budget is used up or STOP is set. Called again after every exception that the host caught. */
export function execute(): void {
  setStepping(false);
  restoreBudget();
  if (load<u32>(STOP)) return;
  if (load<u32>(FAULT_PENDING)) deliverPending();
  while (!load<u32>(STOP) && load<i32>(BUDGET) > 0) {
    if (load<u32>(ATTENTION) | load<u32>(ACTIVITY)) { if (boundary()) continue; }
    if (nonRoot() && ((pin(PinBasedControl.ActivateVmxPreemptionTimer)))) runToDeadline(); else run();
  }
}
/** With the preemption timer on, a piece of the budget that ends at its deadline. */
function runToDeadline(): void {
  const left = load<u64>(VMX_PREEMPTION_DEADLINE) - timeStamp();
  if (<i64>left <= 0) { vmExitBoundary(ExitReason.VmxPreemptionTimerExpired, 0); return; }
  const budget = load<i32>(BUDGET), held = <u64>budget > left ? budget - <i32>left : 0;
  hold(held);
  run();
  hold(-held);
}
/** A VM exit that the engine wants, between two instructions and with no event waiting. */
export function exitBetweenInstructions(reason: u32): void { vmExitBoundary(reason, 0); }
/** Takes instructions from the budget, or gives them back, without counting them. */
let heldBack: i32 = 0;
function hold(n: i32): void {
  heldBack += n;
  store<i32>(BUDGET, load<i32>(BUDGET) - n);
  store<i32>(BUDGET_START, load<i32>(BUDGET_START) - n);
}
/** After an exception went through runToDeadline: the held budget comes back. */
function restoreBudget(): void { if (heldBack) hold(-heldBack); }

/**
 * Looks at what happens between two instructions. What an inactive processor blocks: SDM 3C "Other Causes of VM Exits".
 * @returns false if ordinary execution may go on.
 */
function boundary(): bool {
  const attention = load<u32>(ATTENTION), shadow = load<u32>(INTERRUPTIBILITY) & SHADOWS, guest = nonRoot();
  const activity = load<u32>(ACTIVITY);
  if (attention & ATTENTION_STOP) { store<u32>(ATTENTION, attention & ~ATTENTION_STOP); store<u32>(STOP, STOP_REQUESTED); return true; }
  if ((attention & ATTENTION_VIRTUAL_APIC) != 0 && virtualApicWork()) return true;
  if (attention & (ATTENTION_INIT | ATTENTION_SIPI)) { if (startUp(attention)) return true; }
  if (guest && load<u32>(VMX_MTF_PENDING) != 0) {
    store<u32>(VMX_MTF_PENDING, 0);
    vmExitBoundary(ExitReason.MonitorTrapFlag, 0);
    return true;
  }
  if (load<u64>(DEBUG_TRAPS) != 0 && !(shadow & InterruptibilityState.BlockingByMovSs)) { debugTrap(); return true; }
  if (activity != ActivityState.WaitForSipi && pin(PinBasedControl.ActivateVmxPreemptionTimer)
    && <i64>(load<u64>(VMX_PREEMPTION_DEADLINE) - timeStamp()) <= 0) {
    vmExitBoundary(ExitReason.VmxPreemptionTimerExpired, 0);
    return true;
  }
  if (activity != ActivityState.WaitForSipi && nonMaskable(attention, shadow)) return true;
  if ((activity <= ActivityState.Hlt || isWaiting()) && maskable(attention, shadow)) return true;
  if (isWaiting() && endsWait(attention)) { leaveWait(); return true; }
  if (load<u32>(ACTIVITY)) { store<u32>(STOP, STOP_IDLE); return true; }
  if (attention & ATTENTION_STEP) { stepOnce(); return true; }
  return false;
}
/** A write to the line ends a wait of MWAIT, and so does a masked interrupt if that was asked for. */
function endsWait(attention: u32): bool {
  return !isArmed() || ((attention & ATTENTION_INTERRUPT) != 0 && load<u32>(ACTIVITY) == ACTIVITY_MWAIT_MASKED);
}
/**
 * INIT and start-up IPIs. INIT is held pending in root operation. A guest that waits for a start-up IPI has had its INIT, and loses
 * another one. SDM 3A "Multiple-Processor (MP) Initialization", SDM 3C "Other Causes of VM Exits".
 */
function startUp(attention: u32): bool {
  const mode = load<u32>(VMX_MODE), waits = load<u32>(ACTIVITY) == ActivityState.WaitForSipi;
  if ((attention & ATTENTION_INIT) != 0 && mode != VmxMode.Root) {
    store<u32>(ATTENTION, attention & ~ATTENTION_INIT);
    if (mode == VmxMode.NonRoot && waits) return true;
    if (mode == VmxMode.NonRoot) vmExitBoundary(ExitReason.InitSignal, 0);
    else { initialState(); initialized(); }
    return true;
  }
  if (!(attention & ATTENTION_SIPI)) return false;
  store<u32>(ATTENTION, attention & ~ATTENTION_SIPI);
  if (!waits) return true;                         // a start-up IPI is lost unless it is waited for
  const page = load<u32>(SIPI_VECTOR);
  if (mode == VmxMode.NonRoot) { vmExitBoundary(ExitReason.Sipi, page); return true; }
  store<u32>(ACTIVITY, ActivityState.Active);
  loadRealSegment(CS, page << 8);
  store<u64>(RIP, 0);
  updateMode();
  return true;
}
@inline const CACHING: u64 = Cr0.CacheDisable | Cr0.NotWriteThrough;
/** The registers after INIT: as after reset, except x87, SSE, MSRs, TSC and CR0's cache bits. */
function initialState(): void {
  for (let i: u32 = 0; i < 16; i++) setReg<u64>(RAX + i * 8, 0);
  setReg<u64>(RDX, <u64>load<u32>(cpuidEntry(CpuidLeaf.FeatureInformation, 0), CpuidEntry.Eax));
  setArithmeticFlags(0);
  store<u64>(RFLAGS_SYSTEM, ResetState.Rflags);
  store<u64>(CR0, (load<u64>(CR0) & CACHING) | (ResetState.Cr0 & ~CACHING));
  store<u64>(CR2, 0);
  store<u64>(CR3, 0);
  store<u64>(CR4, 0);
  store<u64>(EFER, 0);
  store<u32>(CPL, 0);
  for (let i: u32 = 0; i < 8; i++) {
    store<u64>(ES_BASE + i * 8, 0);
    store<u32>(ES_SELECTOR + i * 4, 0);
    store<u32>(ES_LIMIT + i * 4, <u32>ResetState.Limit);
    store<u32>(ES_RIGHTS + i * 4, <u32>(i == CS ? ResetState.CsRights : i == LDTR ? ResetState.LdtrRights : i == TR
      ? ResetState.TrRights : ResetState.DataRights));
  }
  store<u32>(CS_SELECTOR, <u32>ResetState.CsSelector);
  store<u64>(CS_BASE, ResetState.CsBase);
  store<u64>(RIP, ResetState.Rip);
  store<u64>(GDTR_BASE, 0);
  store<u64>(IDTR_BASE, 0);
  store<u32>(GDTR_LIMIT, <u32>ResetState.Limit);
  store<u32>(IDTR_LIMIT, <u32>ResetState.Limit);
  for (let i: u32 = 0; i < 4; i++) store<u64>(DR0 + i * 8, 0);
  store<u64>(DR6, ResetState.Dr6);
  store<u64>(DR7, ResetState.Dr7);
  store<u64>(DEBUG_TRAPS, 0);
  disarm();
  store<u32>(INTERRUPTIBILITY, 0);
  store<u32>(ACTIVITY, load<u64>(APIC_BASE) & ApicBase.Bsp ? ActivityState.Active : ActivityState.WaitForSipi);
  flushAllTlbs();
  addressSpaceChanged();
  updateMode();
  updateAttention();
}
/** Single-step and data breakpoints of the instruction before. */
function debugTrap(): void {
  store<u64>(FAULT_DEBUG, load<u64>(DEBUG_TRAPS) & ~<u64>PendingDebugExceptions.EnabledBreakpoint);
  store<u64>(DEBUG_TRAPS, 0);
  setEvent(DB, InterruptionType.HardwareException, false, 0, 0);
  deliverPending();
}
function nonMaskable(attention: u32, shadow: u32): bool {
  if (shadow) return false;
  const blocked = (load<u32>(INTERRUPTIBILITY) & InterruptibilityState.BlockingByNmi) != 0;
  if (primary(PrimaryControl.NmiWindowExiting) && !blocked) { vmExitBoundary(ExitReason.NmiWindow, 0); return true; }
  if (!(attention & ATTENTION_NMI)) return false;
  if (pin(PinBasedControl.NmiExiting)) {
    // With virtual NMIs the blocking bit is the virtual one and does not hold back the physical NMI.
    if (blocked && !pin(PinBasedControl.VirtualNmis)) return false;
    store<u32>(ATTENTION, attention & ~ATTENTION_NMI);
    vmExitEvent(eventInformation(NMI, InterruptionType.NonMaskableInterrupt, 0), 0, 0, 0, false);
    return true;
  }
  if (blocked) return false;
  store<u32>(ATTENTION, attention & ~ATTENTION_NMI);
  setEvent(NMI, InterruptionType.NonMaskableInterrupt, false, 0, 0);
  deliverPending();
  return true;
}
function maskable(attention: u32, shadow: u32): bool {
  const enabled = (load<u64>(RFLAGS_SYSTEM) & Rflags.InterruptEnableFlag) != 0;
  if (enabled && !shadow && primary(PrimaryControl.InterruptWindowExiting)) { vmExitBoundary(ExitReason.InterruptWindow, 0); return true; }
  if (enabled && !shadow && load<u32>(VMX_VIRTUAL_INTERRUPT) != 0) {
    setEvent(takeVirtualInterrupt(), InterruptionType.ExternalInterrupt, false, 0, 0);
    deliverPending();
    return true;
  }
  if (!(attention & ATTENTION_INTERRUPT)) return false;
  if (pin(PinBasedControl.ExternalInterruptExiting)) {
    if (!shadow) externalInterrupt();
    return !shadow;
  }
  if (!enabled || shadow) return false;
  const vector = acknowledgeInterrupt();
  if (vector < 0) { store<u32>(ATTENTION, load<u32>(ATTENTION) & ~ATTENTION_INTERRUPT); return true; }
  setEvent(<u32>vector, InterruptionType.ExternalInterrupt, false, 0, 0);
  deliverPending();
  return true;
}

/** With "external-interrupt exiting": a VM exit, unless it is the notification of posted interrupts. */
function externalInterrupt(): void {
  if (!pin(PinBasedControl.ProcessPostedInterrupts)) { vmExitBoundary(ExitReason.ExternalInterrupt, 0); return; }
  const vector = acknowledgeInterrupt();
  if (vector < 0) { store<u32>(ATTENTION, load<u32>(ATTENTION) & ~ATTENTION_INTERRUPT); return; }
  if (processNotification(<u32>vector)) return;
  vmExitBoundary(ExitReason.ExternalInterrupt, 0);
  store<u32>(EXIT_INTERRUPTION_INFORMATION, eventInformation(<u32>vector, InterruptionType.ExternalInterrupt, 0));
}

/** DR6 bits of the instruction breakpoints at RIP. */
function instructionBreakpoints(): u64 {
  const dr7 = load<u64>(DR7);
  if (!(dr7 & BREAKPOINTS_ENABLED)) return 0;
  const at = codeLinear(load<u64>(RIP));
  let hits: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    if (isEnabled(dr7, i) && isOfInstruction(dr7, i) && load<u64>(DR0 + i * 8) == at) hits |= 1 << i;
  }
  return hits;
}
/** One instruction with everything that single-stepping, breakpoints, shadows, RF and MTF want. */
function stepOnce(): void {
  if (looksAtBranches() && stopsAtBreakpoint()) return;
  const flags = load<u64>(RFLAGS_SYSTEM), blocked = (load<u32>(INTERRUPTIBILITY) & InterruptibilityState.BlockingByMovSs) != 0;
  const hits = (flags & Rflags.ResumeFlag) != 0 || blocked || isRepeating() ? 0 : instructionBreakpoints();
  if (hits) {
    store<u64>(FAULT_DEBUG, hits);
    setEvent(DB, InterruptionType.HardwareException, false, 0, 0);
    deliverPending();
    return;
  }
  const monitored = primary(PrimaryControl.MonitorTrapFlag), debugControl = load<u64>(DEBUGCTL);
  beginStep();
  clearDelivered();
  keepTraps();
  setStepping(true);
  step();
  setStepping(false);
  if (load<u32>(STOP) >= STOP_INCOMPLETE) return;
  const wanted = (flags & Rflags.TrapFlag) != 0 && ((debugControl & Debugctl.Btf) == 0 || branchTaken);
  finishStep(wanted && !delivered, monitored);
}
/** What follows a completed instruction. */
function finishStep(trap: bool, monitored: bool): void {
  if (!rfLoaded) store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) & ~Rflags.ResumeFlag);
  if (!shadowBegun) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~SHADOWS);
  // MOV SS drops the trap for good: the next instruction traps by itself.
  if (trap && !(shadowBegun && (load<u32>(INTERRUPTIBILITY) & InterruptibilityState.BlockingByMovSs) != 0)) store<u64>(DEBUG_TRAPS,
    load<u64>(DEBUG_TRAPS) | Dr6.BS);
  if (monitored && nonRoot()) store<u32>(VMX_MTF_PENDING, 1);
  updateAttention();
}
/** The engine performed the instruction at RIP: it is `length` bytes long. */
export function completeInstruction(length: u32): void {
  store<u64>(RIP, load<u64>(RIP) + length);
  beginStep();
  const steps = (load<u64>(RFLAGS_SYSTEM) & Rflags.TrapFlag) != 0 && (load<u64>(DEBUGCTL) & Debugctl.Btf) == 0;
  finishStep(steps, primary(PrimaryControl.MonitorTrapFlag));
}

// ---- for the engine and the intrinsics --------------------

/** WRMSR without intercepts. @returns 0 for #GP. */
export function writeMsrHalves(index: u32, low: u32, high: u32): bool { return writeMsr(index, <u64>low | (<u64>high << 32)); }
/** MOV to CR0, CR3, CR4 or CR8 without intercepts; a fault is thrown to the host with FAULT_* written. */
export function writeControlRegister(n: u32, low: u32, high: u32): void {
  const v = <u64>low | (<u64>high << 32);
  if (n == 0) writeCr0(v); else if (n == 3) writeCr3(v); else if (n == 4) writeCr4(v); else writeCr8(v);
}
/** CPUID: EAX, EBX, ECX, EDX into the first words of SCRATCH. */
export function cpuidStore(leaf: u32, subleaf: u32): void {
  cpuid(leaf, subleaf);
  store<u32>(SCRATCH, cpuidA);
  store<u32>(SCRATCH, cpuidB, 4);
  store<u32>(SCRATCH, cpuidC, 8);
  store<u32>(SCRATCH, cpuidD, 12);
}
/** RDRAND and RDSEED without intercepts: the number into SCRATCH. */
export function randomStore(): void { store<u64>(SCRATCH, nextRandom()); }
/** XSETBV without intercepts. @returns 0 for #GP. */
export function writeXcrHalves(index: u32, low: u32, high: u32): bool { return writeXcr(index, <u64>low | (<u64>high << 32)); }
/** Stores 4 or 8 bytes at a linear address; a fault is thrown to the host. */
export function writeLinearHalves(addressLow: u32, addressHigh: u32, low: u32, high: u32, size: u32): void {
  const address = <u64>addressLow | (<u64>addressHigh << 32);
  if (size == 8) write<u64>(address, <u64>low | (<u64>high << 32)); else write<u32>(address, low);
}
