// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "VM Exits".
import { EntryControl, ExitControl } from '../../intrinsics/control_bits.js';
import { ExitReason, ExitReasonBit } from '../../intrinsics/exit_reasons.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { slotOf } from './field_slots.js';
import { loadHostState, eferLongMode } from './host_state.js';
import { readFlags } from './lazy_flags.js';
import { loadMsrs, storeMsrs } from './msr_areas.js';
import { remainingTicks, stopTimer } from './preemption_timer.js';
import { Change, Vmcs } from './vmcs.js';
import { VmxMode } from './vmx_processor.js';
import { Owner, type VmxState } from './vmx_state.js';
import { copy64, Word } from './words.js';

const exitReason = slotOf(VmcsField.ExitReason);
const exitQualification = slotOf(VmcsField.ExitQualification);
const interruptionInformation = slotOf(VmcsField.VmExitInterruptionInformation);
const interruptionErrorCode = slotOf(VmcsField.VmExitInterruptionErrorCode);
const idtVectoringInformation = slotOf(VmcsField.IdtVectoringInformation);
const idtVectoringErrorCode = slotOf(VmcsField.IdtVectoringErrorCode);
const instructionLength = slotOf(VmcsField.VmExitInstructionLength);
const instructionInformation = slotOf(VmcsField.VmExitInstructionInformation);
const guestLinearAddress = slotOf(VmcsField.GuestLinearAddress);
const guestPhysicalAddress = slotOf(VmcsField.GuestPhysicalAddress);
const guestCr0 = slotOf(VmcsField.GuestCr0);
const guestRflags = slotOf(VmcsField.GuestRflags);
const guestPendingDebug = slotOf(VmcsField.GuestPendingDebugExceptions);
const guestPdpte0 = slotOf(VmcsField.GuestPdpte0);
const entryControls = slotOf(VmcsField.VmEntryControls);
const entryInformation = slotOf(VmcsField.VmEntryInterruptionInformationField);
const exitControls = slotOf(VmcsField.VmExitControls);
const timerValue = slotOf(VmcsField.VmxPreemptionTimerValue);
const storeAddress = slotOf(VmcsField.VmExitMsrStoreAddress);
const storeCount = slotOf(VmcsField.VmExitMsrStoreCount);
const loadAddress = slotOf(VmcsField.VmExitMsrLoadAddress);
const loadCount = slotOf(VmcsField.VmExitMsrLoadCount);
const hostCr3 = slotOf(VmcsField.HostCr3);
const hostCr4 = slotOf(VmcsField.HostCr4);

const valid = 0x80000000;
const resumeFlag = 0x10000;
const nmi = 0x80000202;
const cr4Pae = 0x20;
const eferLma = 0x400;
const blockingByNmi = 8;
/** B0–B3 and BS, as DR6 has them. */
export const debugTrapBits = 0x400f;
/** Pending debug exceptions have a bit of their own that says whether a met breakpoint was enabled. */
const enabledBreakpoint = 0x1000;

/** Why the processor shut down in a VM exit. SDM 3C "VMX Aborts". */
export const VmxAbort = { None: 0, SavingMsrs: 1, HostPdptes: 2, LoadingMsrs: 4, HostAddressSpace: 6 } as const;
export type VmxAbort = (typeof VmxAbort)[keyof typeof VmxAbort];

/** Exit reasons of instructions that exit before they do anything: they save RFLAGS.RF as 0. */
const byInstruction = makeInstructionReasons();

function makeInstructionReasons(): Uint8Array {
  const table = new Uint8Array(128);
  for (let reason = ExitReason.Cpuid; reason <= ExitReason.Wrmsr; reason++) table[reason] = 1;
  const others = [
    ExitReason.Mwait,
    ExitReason.Monitor,
    ExitReason.Pause,
    ExitReason.AccessToGdtrOrIdtr,
    ExitReason.AccessToLdtrOrTr,
    ExitReason.Invept,
    ExitReason.Rdtscp,
    ExitReason.Invvpid,
    ExitReason.Wbinvd,
    ExitReason.Xsetbv,
    ExitReason.Rdrand,
    ExitReason.Invpcid,
    ExitReason.Vmfunc,
    ExitReason.Rdseed,
  ];
  for (const reason of others) table[reason] = 1;
  return table;
}

/** VM exits of one logical processor. */
export class VmExit {
  constructor(private readonly state: VmxState) {}

  /**
   * A VM exit out of the guest, after the core wrote its EXIT_ words: saves the guest, loads the host (or puts that off, when JavaScript
   * is the host). @returns why the processor shut down, `None` as a rule.
   */
  leaveGuest(): VmxAbort {
    const { state } = this;
    const { core, vmcs } = state;
    const { u32 } = core;
    const reason = u32[Word.exitReason]!;
    if (reason === ExitReason.ExternalInterrupt && state.acknowledgesInterrupts) this.acknowledge();
    this.report(reason);
    this.saveGuest(reason);
    state.nonRoot = false;
    u32[Word.mode] = VmxMode.Root;
    u32[Word.faultPending] = 0;
    u32[Word.delivery] = 0;
    if (state.owner === Owner.JavaScript && state.mayStayResident) {
      state.resident = true;
      return VmxAbort.None;
    }
    if (!storeMsrs(core, addressIn(vmcs, storeAddress), vmcs.low(storeCount))) return this.abort(VmxAbort.SavingMsrs);
    const directNmi =
      (reason & 0xffff) === ExitReason.ExceptionOrNonMaskableInterrupt && vmcs.low(interruptionInformation) === nmi;
    return this.loadHost(directNmi);
  }

  /**
   * A VM entry that failed after the processor began to load the guest: the exit reason has bit 31 set, nothing of the guest is saved.
   * SDM 3C "VM-Entry Failures During or After Loading Guest State".
   */
  failEntry(reason: number, qualification: number): VmxAbort {
    const { vmcs, core } = this.state;
    vmcs.report(exitReason, (reason | ExitReasonBit.VmEntryFailure) >>> 0, 0);
    vmcs.report(exitQualification, qualification, 0);
    this.state.nonRoot = false;
    core.u32[Word.mode] = VmxMode.Root;
    // JavaScript's host registers may wait while the processor still holds the state that the last exit saved.
    if (this.state.resident) return VmxAbort.None;
    return this.loadHost(false);
  }

  /** The INTA cycle of an exit for an external interrupt. */
  private acknowledge(): void {
    const { core } = this.state;
    const vector = core.acknowledgeInterrupt();
    core.u32[Word.exitInterruptionInformation] = vector < 0 ? 0 : (valid | vector) >>> 0;
  }

  /** SDM 3C "Recording VM-Exit Information and Updating VM-Entry Control Fields". */
  private report(reason: number): void {
    const { core, vmcs } = this.state;
    const { u32 } = core;
    const { halves } = vmcs;
    halves[exitReason << 1] = reason;
    copy64(halves, exitQualification << 1, u32, Word.exitQualification);
    halves[interruptionInformation << 1] = u32[Word.exitInterruptionInformation]!;
    halves[interruptionErrorCode << 1] = u32[Word.exitInterruptionErrorCode]!;
    halves[idtVectoringInformation << 1] = u32[Word.idtVectoringInformation]!;
    halves[idtVectoringErrorCode << 1] = u32[Word.idtVectoringErrorCode]!;
    halves[instructionLength << 1] = u32[Word.exitInstructionLength]!;
    halves[instructionInformation << 1] = u32[Word.exitInstructionInformation]!;
    copy64(halves, guestLinearAddress << 1, u32, Word.guestLinearAddress);
    copy64(halves, guestPhysicalAddress << 1, u32, Word.guestPhysicalAddress);
    const information = vmcs.bits(entryInformation);
    if (information < 0) vmcs.save(entryInformation, information & 0x7fffffff, 0);
  }

  /** SDM 3C "Saving Guest State". Only fields whose value changed make a rule run again. */
  private saveGuest(reason: number): void {
    const { state } = this;
    const { core, vmcs, savePlan } = state;
    const { u32 } = core;
    copyChanged(u32, vmcs, savePlan.hotWords, savePlan.hotHalves);
    if (u32[Word.coldChanged] !== 0 || !state.coldKnown) {
      copyChanged(u32, vmcs, savePlan.coldWords, savePlan.coldHalves);
      state.coldKnown = true;
    }
    const { words } = state;
    vmcs.save(guestCr0, words[Word.cr0]!, 0);
    const traps = words[Word.debugTraps]! & debugTrapBits;
    vmcs.save(guestPendingDebug, (traps & 0xf) !== 0 ? traps | enabledBreakpoint : traps, 0);
    vmcs.save(guestRflags, this.savedFlags(reason), 0);
    const controls = vmcs.bits(entryControls) & ~EntryControl.Ia32eModeGuest;
    vmcs.save(
      entryControls,
      (words[Word.efer]! & eferLma) !== 0 ? controls | EntryControl.Ia32eModeGuest : controls,
      0,
    );
    if (state.usesEpt && paePaging(u32)) this.savePdptes();
    if (state.usesTimer) this.saveTimer();
  }

  /** RFLAGS with RF as the kind of exit demands. SDM 3C "Saving RIP, RSP, RFLAGS, and SSP". */
  private savedFlags(reason: number): number {
    const { core } = this.state;
    const flags = readFlags(core.u32);
    const basic = reason & 0x7f;
    if (byInstruction[basic] === 1) return flags & ~resumeFlag;
    if (basic === ExitReason.ExceptionOrNonMaskableInterrupt) {
      return isFault(core.u32[Word.exitInterruptionInformation]!) ? flags | resumeFlag : flags;
    }
    const ept = basic === ExitReason.EptViolation || basic === ExitReason.EptMisconfiguration;
    return ept && core.u32[Word.idtVectoringInformation]! < valid ? flags | resumeFlag : flags;
  }

  private savePdptes(): void {
    const { core, vmcs } = this.state;
    const { u32 } = core;
    for (let i = 0; i < 4; i++) {
      vmcs.save(guestPdpte0 + i, u32[Word.pdpte0 + 2 * i]!, u32[Word.pdpte0 + 2 * i + 1]!);
    }
  }

  private saveTimer(): void {
    const { core, vmcs, savesTimer } = this.state;
    if (savesTimer) vmcs.report(timerValue, remainingTicks(core.u32), 0);
    stopTimer(core.u32);
  }

  /** Loads the host's state at once. @param directNmi the exit was caused by an NMI: NMIs stay blocked. */
  private loadHost(directNmi: boolean): VmxAbort {
    const { state } = this;
    const { core, vmcs } = state;
    const { u32 } = core;
    const controls = vmcs.low(exitControls);
    const host64 = (controls & ExitControl.HostAddressSpaceSize) !== 0;
    // A guest in IA-32e mode cannot be left for a host that is not. SDM 3C "VMX Aborts", code 6.
    if (!host64 && (u32[Word.efer]! & eferLongMode) === eferLongMode) return this.abort(VmxAbort.HostAddressSpace);
    loadHostState(core, vmcs);
    if (directNmi) u32[Word.interruptibility] = u32[Word.interruptibility]! | blockingByNmi;
    if (!host64 && (vmcs.low(hostCr4) & cr4Pae) !== 0 && !this.loadHostPdptes()) return this.abort(VmxAbort.HostPdptes);
    state.forgetGuest();
    core.stateLoaded();
    if (loadMsrs(core, addressIn(vmcs, loadAddress), vmcs.low(loadCount)) !== 0)
      return this.abort(VmxAbort.LoadingMsrs);
    return VmxAbort.None;
  }

  /** PDPTEs of a host with PAE paging. @returns false if one has a reserved bit set. */
  private loadHostPdptes(): boolean {
    const { core, vmcs } = this.state;
    return loadPdptes(core.u32, core.physicalOffset((vmcs.low(hostCr3) & 0xffffffe0) >>> 0), core.physicalAddressWidth);
  }

  private abort(code: VmxAbort): VmxAbort {
    const { core, vmcs } = this.state;
    const at = core.physicalOffset(vmcs.region);
    if (at >= 0) Vmcs.abort(core.u32, at, code);
    return code;
  }
}

/** Copies words of the core into the VMCS; a field whose value is new makes the rules that read it run again. */
function copyChanged(u32: Uint32Array, vmcs: Vmcs, words: Uint16Array, halves: Uint16Array): void {
  for (let i = 0; i < words.length; i++) {
    const value = u32[words[i]!]!;
    const half = halves[i]!;
    if (vmcs.halves[half] !== value) {
      vmcs.halves[half] = value;
      vmcs.changed(half >>> 1, Change.Rules);
    }
  }
}

/** A physical address that stands in a field. */
export function addressIn(vmcs: Vmcs, slot: number): number {
  return vmcs.high(slot) * 0x100000000 + vmcs.low(slot);
}

/** Whether CR0, CR4 and EFER select PAE paging. */
export function paePaging(u32: Uint32Array): boolean {
  return u32[Word.cr0]! >>> 31 !== 0 && (u32[Word.cr4]! & cr4Pae) !== 0 && (u32[Word.efer]! & eferLma) === 0;
}

/** Loads the four PDPTEs at a byte offset of the machine's memory. @returns false, with nothing loaded, if a present one has a reserved bit set. */
export function loadPdptes(u32: Uint32Array, at: number, physicalAddressWidth: number): boolean {
  if (at < 0) return false;
  for (let i = 0; i < 4; i++) {
    const low = u32[(at >>> 2) + 2 * i]!;
    const high = u32[(at >>> 2) + 2 * i + 1]!;
    if ((low & 1) !== 0 && ((low & 0x1e6) !== 0 || high >>> (physicalAddressWidth - 32) !== 0)) return false;
  }
  for (let i = 0; i < 8; i++) u32[Word.pdpte0 + i] = u32[(at >>> 2) + i]!;
  return true;
}

/** Whether interruption information names a hardware exception of the fault class: #DB is a trap here, #DF and #MC are aborts. */
function isFault(information: number): boolean {
  const vector = information & 0xff;
  return ((information >>> 8) & 7) === 3 && vector !== 1 && vector !== 8 && vector !== 18;
}
