// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "Recording VM-Exit Information and Updating VM-Entry Control Fields" and "Saving Guest State". Every exit runs this
// code. It reads signed words, which never allocate. It names words and fields by constants of this module, which V8 folds into the code.
import { EntryControl } from '../../../intrinsics/vmx/control_bits.js';
import {
  memoryExits,
  exitsBetweenInstructions,
  exitsWithPendingDebugExceptions,
  instructionExits,
} from '../../../intrinsics/vmx/exit_kinds.js';
import { InterruptionBit, InterruptionType, Vector } from '../../../intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../intrinsics/vmx/exit_reasons.js';
import {
  Debugctl,
  Dr6,
  InterruptibilityState,
  PendingDebugExceptions,
  Rflags,
} from '../../../intrinsics/registers/registers.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../../layout/core_constants.js';
import { slotOf } from '../vmcs/field_slots.js';
import { paePaging } from '../pae_paging.js';
import { readFlags } from '../../processor/lazy_flags.js';
import { remainingTicks, stopTimer } from '../preemption_timer.js';
import { Change, concernsRules, type Vmcs } from '../vmcs/vmcs.js';
import type { VmxState } from '../vmx_state.js';
import { Word } from '../words.js';

/** Index of a field's low half. */
const half = (field: number): number => slotOf(field) << 1;

const reasonHalf = half(VmcsField.ExitReason);
const qualificationHalf = half(VmcsField.ExitQualification);
const interruptionHalf = half(VmcsField.VmExitInterruptionInformation);
const interruptionCodeHalf = half(VmcsField.VmExitInterruptionErrorCode);
const vectoringHalf = half(VmcsField.IdtVectoringInformation);
const vectoringCodeHalf = half(VmcsField.IdtVectoringErrorCode);
const lengthHalf = half(VmcsField.VmExitInstructionLength);
const informationHalf = half(VmcsField.VmExitInstructionInformation);
const linearHalf = half(VmcsField.GuestLinearAddress);
const physicalHalf = half(VmcsField.GuestPhysicalAddress);
const ripHalf = half(VmcsField.GuestRip);
const rspHalf = half(VmcsField.GuestRsp);
const cr0Half = half(VmcsField.GuestCr0);
const cr3Half = half(VmcsField.GuestCr3);
const cr4Half = half(VmcsField.GuestCr4);
const flagsHalf = half(VmcsField.GuestRflags);
const interruptibilityHalf = half(VmcsField.GuestInterruptibilityState);
const activityHalf = half(VmcsField.GuestActivityState);
const pendingDebugHalf = half(VmcsField.GuestPendingDebugExceptions);
const entryControlsHalf = half(VmcsField.VmEntryControls);
const entryInformationHalf = half(VmcsField.VmEntryInterruptionInformationField);
const interruptStatusHalf = half(VmcsField.GuestInterruptStatus);
const pmlIndexHalf = half(VmcsField.PmlIndex);
const pdpteHalf = half(VmcsField.GuestPdpte0);
const timerSlot = slotOf(VmcsField.VmxPreemptionTimerValue);

const {
  exitReason: reasonWord,
  exitQualification: qualificationWord,
  exitInterruptionInformation: interruptionWord,
  exitInterruptionErrorCode: interruptionCodeWord,
  idtVectoringInformation: vectoringWord,
  idtVectoringErrorCode: vectoringCodeWord,
  exitInstructionLength: lengthWord,
  exitInstructionInformation: informationWord,
  guestLinearAddress: linearWord,
  guestPhysicalAddress: physicalWord,
  rip: ripWord,
  rsp: rspWord,
  rcx: rcxWord,
  cr0: cr0Word,
  cr3: cr3Word,
  cr4: cr4Word,
  rflags: flagsWord,
  interruptibility: interruptibilityWord,
  activity: activityWord,
  debugTraps: debugTrapsWord,
  debugctl: debugctlWord,
  efer: eferWord,
  pdpte0: pdpteWord,
  interruptStatus: interruptStatusWord,
  pmlIndex: pmlIndexWord,
  coldChanged: coldChangedWord,
  coldUnknown: coldUnknownWord,
} = Word;

const resumeFlag = 0x10000;
const eferLma = 0x400;
const metBreakpoints =
  PendingDebugExceptions.B0 | PendingDebugExceptions.B1 | PendingDebugExceptions.B2 | PendingDebugExceptions.B3;
/** An enabled breakpoint was met, or a single-step trap is due: without one of the two, there is no pending debug exception. */
const validBits = PendingDebugExceptions.EnabledBreakpoint | PendingDebugExceptions.BS;
/** The core keeps only these of the pending debug exceptions. */
const debugTrapBits = metBreakpoints | validBits;

/** Fills the exit-information and guest-state areas of the current VMCS at a VM exit. */
export class GuestSave {
  private readonly vmcs: Vmcs;
  /** The VMCS's halves and the core's words. */
  private readonly fields: Int32Array;
  private readonly words: Int32Array;

  constructor(private readonly state: VmxState) {
    this.vmcs = state.vmcs;
    this.fields = state.vmcs.signed;
    this.words = state.words;
  }

  /** Copies the core's report of the exit. */
  report(): void {
    const { fields, words } = this;
    fields[reasonHalf] = words[reasonWord]!;
    fields[qualificationHalf] = words[qualificationWord]!;
    fields[qualificationHalf + 1] = words[qualificationWord + 1]!;
    fields[interruptionHalf] = words[interruptionWord]!;
    fields[interruptionCodeHalf] = words[interruptionCodeWord]!;
    fields[vectoringHalf] = words[vectoringWord]!;
    fields[vectoringCodeHalf] = words[vectoringCodeWord]!;
    fields[lengthHalf] = words[lengthWord]!;
    fields[informationHalf] = words[informationWord]!;
    fields[linearHalf] = words[linearWord]!;
    fields[linearHalf + 1] = words[linearWord + 1]!;
    fields[physicalHalf] = words[physicalWord]!;
    fields[physicalHalf + 1] = words[physicalWord + 1]!;
    // The event was delivered, or the exit interrupted its delivery and reports it. Either way the next entry does not inject it again.
    if (fields[entryInformationHalf]! < 0) this.put(entryInformationHalf, fields[entryInformationHalf]! & 0x7fffffff);
  }

  /** Saves the guest's state. Only halves whose value changed make a rule run again. */
  save(): void {
    const { state, words } = this;
    this.put64(ripHalf, ripWord);
    this.put64(rspHalf, rspWord);
    this.putFlags(this.flags());
    this.saveInstruction();
    this.savePendingDebug();
    const cold = words[coldChangedWord]! | words[coldUnknownWord]!;
    if (cold !== 0) this.saveCold(cold);
    if (state.usesEpt && paePaging(words)) this.savePdptes();
    if (state.deliversVirtualInterrupts) this.put(interruptStatusHalf, words[interruptStatusWord]!);
    if (state.usesPml) this.put(pmlIndexHalf, words[pmlIndexWord]!);
    if (state.usesTimer) this.saveTimer();
  }

  /** An exit at an instruction: a VM entry that finds RIP moved past it, or an element of REP INS or OUTS done, counts it as executed. */
  private saveInstruction(): void {
    const { words } = this;
    const { instruction } = this.vmcs;
    const reason = words[reasonWord]! & 0x7f;
    const type = (words[interruptionWord]! >>> 8) & 7;
    const isNmi =
      reason === ExitReason.ExceptionOrNonMaskableInterrupt && type === InterruptionType.NonMaskableInterrupt;
    instruction[0] = exitsBetweenInstructions[reason] === 1 || isNmi ? 0 : 1;
    instruction[1] = words[ripWord]!;
    instruction[2] = words[ripWord + 1]!;
    instruction[3] = words[rcxWord]!;
  }

  /** Bits that the field cannot hold are lost. The processor drops them too, because it may go on with the state that it holds. */
  private savePendingDebug(): void {
    const { words } = this;
    if ((words[debugTrapsWord]! | (words[interruptibilityWord]! & InterruptibilityState.BlockingByMovSs)) === 0) {
      this.put(pendingDebugHalf, 0);
      return;
    }
    const traps = this.pendingDebug(words[reasonWord]! & 0x7f);
    const pending = (traps & metBreakpoints) !== 0 ? traps | PendingDebugExceptions.EnabledBreakpoint : traps;
    this.put(pendingDebugHalf, pending);
    words[debugTrapsWord] = coreDebugTraps(pending, words[interruptibilityWord]!);
  }

  private pendingDebug(reason: number): number {
    const { words } = this;
    const isShadow = (words[interruptibilityWord]! & InterruptibilityState.BlockingByMovSs) !== 0;
    if (exitsWithPendingDebugExceptions[reason] === 0 && (!isShadow || this.isDebugException(reason))) return 0;
    const traps = words[debugTrapsWord]! & debugTrapBits;
    if (!isShadow) return traps;
    // In the core, MOV SS removes its own single-step trap. The SDM's rule for the field says whether there was one.
    const steps = (words[flagsWord]! & Rflags.TrapFlag) !== 0 && (words[debugctlWord]! & Debugctl.Btf) === 0;
    return (traps & ~PendingDebugExceptions.BS) | (steps ? PendingDebugExceptions.BS : 0);
  }

  private isDebugException(reason: number): boolean {
    const information = this.words[interruptionWord]!;
    return (
      reason === ExitReason.ExceptionOrNonMaskableInterrupt &&
      (information & InterruptionBit.Vector) === Vector.DebugException
    );
  }

  private put(at: number, value: number): void {
    if (this.fields[at] === value) return;
    this.fields[at] = value;
    this.vmcs.changed(at >>> 1, (at & 1) === 0 ? Change.Low : Change.High);
  }

  private putFlags(value: number): void {
    const before = this.fields[flagsHalf]!;
    this.fields[flagsHalf] = value;
    if (concernsRules(flagsHalf >>> 1, before ^ value)) this.vmcs.changed(flagsHalf >>> 1, Change.Low);
  }

  private put64(at: number, word: number): void {
    this.put(at, this.words[word]!);
    this.put(at + 1, this.words[word + 1]!);
  }

  /**
   * RFLAGS with RF as the kind of exit requires, SDM 3C "Saving RIP, RSP, RFLAGS, and SSP". The processor takes this RF too, since it may go
   * on with the state that it holds.
   */
  private flags(): number {
    const { words } = this;
    const flags = readFlags(this.state.core.u32) | 0;
    const before = flags & resumeFlag;
    const wanted = this.resumeFlag(words[reasonWord]! & 0x7f, before);
    if (wanted !== before) words[flagsWord] = words[flagsWord]! ^ resumeFlag;
    return flags ^ before ^ wanted;
  }

  private resumeFlag(reason: number, before: number): number {
    if (instructionExits[reason] === 1) return 0;
    if (reason === ExitReason.ExceptionOrNonMaskableInterrupt) {
      return isFault(this.words[interruptionWord]!) || this.isGeneralDetect() ? resumeFlag : before;
    }
    // The access belongs to an instruction or to the delivery of an event. During delivery, RF is what the saved image would have shown.
    if (memoryExits[reason] !== 1) return before;
    const event = this.words[vectoringWord]!;
    return event >= 0 || isFault(event) ? resumeFlag : before;
  }

  /** #DB by an access to a debug register, the one that is a fault like others. SDM 3C "Exit Qualification for Debug Exceptions". */
  private isGeneralDetect(): boolean {
    return (this.words[interruptionWord]! & 0xff) === 1 && (this.words[qualificationWord]! & Dr6.BD) !== 0;
  }

  /** Saves state that guests seldom change. @param groups Constants.COLD_* */
  private saveCold(groups: number): void {
    if ((groups & Constants.COLD_TABLES) !== 0) this.saveTables();
    if ((groups & Constants.COLD_CONTROLS) !== 0) this.saveControls();
    this.words[coldUnknownWord] = 0;
  }

  /** Segments, tables, MSRs, and IA-32e mode, which is a bit of EFER. */
  private saveTables(): void {
    const { fields, words } = this;
    const { coldWords, coldHalves } = this.state.savePlan;
    for (let i = 0; i < coldWords.length; i++) this.put(coldHalves[i]!, words[coldWords[i]!]!);
    const controls = fields[entryControlsHalf]! & ~EntryControl.Ia32eModeGuest;
    this.put(entryControlsHalf, (words[eferWord]! & eferLma) !== 0 ? controls | EntryControl.Ia32eModeGuest : controls);
  }

  /** Control registers, interruptibility and activity. */
  private saveControls(): void {
    const { words } = this;
    this.put64(cr3Half, cr3Word);
    this.put64(cr4Half, cr4Word);
    this.put(cr0Half, words[cr0Word]!);
    this.put(interruptibilityHalf, words[interruptibilityWord]!);
    this.put(activityHalf, words[activityWord]!);
  }

  private savePdptes(): void {
    for (let i = 0; i < 8; i++) this.put(pdpteHalf + i, this.words[pdpteWord + i]!);
  }

  private saveTimer(): void {
    const { u32 } = this.state.core;
    if (this.state.savesTimer) this.vmcs.report(timerSlot, remainingTicks(u32), 0);
    stopTimer(u32);
  }
}

/**
 * The core's word for pending debug exceptions. In the shadow of MOV SS a pending single-step is left out: the instruction in the shadow
 * brings its own.
 *
 * @param pending the field's value. @param interruptibility as in the VMCS.
 */
export function coreDebugTraps(pending: number, interruptibility: number): number {
  const shadow = (interruptibility & InterruptibilityState.BlockingByMovSs) !== 0;
  const valid = shadow ? PendingDebugExceptions.EnabledBreakpoint : validBits;
  if ((pending & valid) === 0) return 0;
  const met = pending & metBreakpoints;
  // To the core, each breakpoint that was met is an enabled one.
  return met | (pending & valid & (met !== 0 ? PendingDebugExceptions.BS : validBits));
}

/** Whether interruption information names a hardware exception of the fault class: #DB is not one by itself, #DF and #MC are aborts. */
function isFault(information: number): boolean {
  const vector = information & 0xff;
  return ((information >>> 8) & 7) === 3 && vector !== 1 && vector !== 8 && vector !== 18;
}
