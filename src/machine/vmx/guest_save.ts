// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "Recording VM-Exit Information and Updating VM-Entry Control Fields" and "Saving Guest State". This is the way of every exit: it
// reads signed words, which never allocate, and names words and fields by constants of this module, which V8 folds into the code.
import { EntryControl } from '../../intrinsics/control_bits.js';
import { ExitReason } from '../../intrinsics/exit_reasons.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Constants } from '../layout.js';
import { slotOf } from './field_slots.js';
import { paePaging } from './pae_paging.js';
import { readFlags } from '../processor/lazy_flags.js';
import { remainingTicks, stopTimer } from './preemption_timer.js';
import { Change, type Vmcs } from './vmcs.js';
import type { VmxState } from './vmx_state.js';
import { Word } from './words.js';

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
  cr0: cr0Word,
  cr3: cr3Word,
  cr4: cr4Word,
  rflags: flagsWord,
  interruptibility: interruptibilityWord,
  activity: activityWord,
  debugTraps: debugTrapsWord,
  efer: eferWord,
  pdpte0: pdpteWord,
  coldChanged: coldChangedWord,
} = Word;

const resumeFlag = 0x10000;
const eferLma = 0x400;
/** B0–B3 and BS, as DR6 has them. */
export const debugTrapBits = 0x400f;
/** Pending debug exceptions have a bit of their own that says whether a met breakpoint was enabled. */
const enabledBreakpoint = 0x1000;

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

  /** Copies what the core reports of the exit. */
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
    // The event was delivered, or the exit came in between and reports it: the next entry does not inject it again.
    if (fields[entryInformationHalf]! < 0) this.put(entryInformationHalf, fields[entryInformationHalf]! & 0x7fffffff);
  }

  /** Saves the guest's state. Only halves whose value changed make a rule run again. */
  save(): void {
    const { state, words } = this;
    this.put64(ripHalf, ripWord);
    this.put64(rspHalf, rspWord);
    this.put(flagsHalf, this.flags());
    const cold = words[coldChangedWord]! | state.coldUnknown;
    if (cold !== 0) this.saveCold(cold);
    if (state.usesEpt && paePaging(words)) this.savePdptes();
    if (state.usesTimer) this.saveTimer();
  }

  private put(at: number, value: number): void {
    if (this.fields[at] === value) return;
    this.fields[at] = value;
    this.vmcs.changed(at >>> 1, (at & 1) === 0 ? Change.Low : Change.High);
  }

  private put64(at: number, word: number): void {
    this.put(at, this.words[word]!);
    this.put(at + 1, this.words[word + 1]!);
  }

  /**
   * RFLAGS with RF as the kind of exit demands, SDM 3C "Saving RIP, RSP, RFLAGS, and SSP". The processor takes this RF too, since it may go
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
    if (byInstruction[reason] === 1) return 0;
    if (reason === ExitReason.ExceptionOrNonMaskableInterrupt) {
      return isFault(this.words[interruptionWord]!) ? resumeFlag : before;
    }
    // The access of an instruction, or of the delivery of an event: then RF is what the saved image would have shown.
    const isEpt = reason === ExitReason.EptViolation || reason === ExitReason.EptMisconfiguration;
    if (!isEpt) return before;
    const event = this.words[vectoringWord]!;
    return event >= 0 || isFault(event) ? resumeFlag : before;
  }

  /** What guests seldom change. @param groups Constants.COLD_* */
  private saveCold(groups: number): void {
    if ((groups & Constants.COLD_TABLES) !== 0) this.saveTables();
    if ((groups & Constants.COLD_CONTROLS) !== 0) this.saveControls();
    this.state.coldUnknown = 0;
  }

  /** Segments, tables, MSRs, and IA-32e mode, which is a bit of EFER. */
  private saveTables(): void {
    const { fields, words } = this;
    const { coldWords, coldHalves } = this.state.savePlan;
    for (let i = 0; i < coldWords.length; i++) this.put(coldHalves[i]!, words[coldWords[i]!]!);
    const controls = fields[entryControlsHalf]! & ~EntryControl.Ia32eModeGuest;
    this.put(entryControlsHalf, (words[eferWord]! & eferLma) !== 0 ? controls | EntryControl.Ia32eModeGuest : controls);
  }

  /** Control registers, interruptibility, activity and pending debug exceptions. */
  private saveControls(): void {
    const { words } = this;
    this.put64(cr3Half, cr3Word);
    this.put64(cr4Half, cr4Word);
    this.put(cr0Half, words[cr0Word]!);
    this.put(interruptibilityHalf, words[interruptibilityWord]!);
    this.put(activityHalf, words[activityWord]!);
    const traps = words[debugTrapsWord]! & debugTrapBits;
    this.put(pendingDebugHalf, (traps & 0xf) !== 0 ? traps | enabledBreakpoint : traps);
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

/** Whether interruption information names a hardware exception of the fault class: #DB is a trap here, #DF and #MC are aborts. */
function isFault(information: number): boolean {
  const vector = information & 0xff;
  return ((information >>> 8) & 7) === 3 && vector !== 1 && vector !== 8 && vector !== 18;
}
