// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "VM Entries".
import { DR7_ENABLES, pdpteTable } from '../../../intrinsics/contents/control_register_contents.js';
import { EntryControl, PrimaryControl, SecondaryControl } from '../../../intrinsics/vmx/control_bits.js';
import { IoAccess } from '../../../intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../intrinsics/vmx/exit_reasons.js';
import { VmInstructionError } from '../../../intrinsics/vmx/vm_instruction_errors.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../../layout/core_constants.js';
import type { EntryChecks } from './entry_checks.js';
import { loadExecutionControls } from './execution_controls.js';
import { slotOf } from '../vmcs/field_slots.js';
import { coldGroups, Effect, slotEffects, slotWordCounts, slotWords } from '../vmcs/guest_state.js';
import { blockingByNmi, cr0Untouched, eferLongMode } from '../exit/host_state.js';
import { injectEvent, keepsPendingDebug } from './injection.js';
import { writeFlags } from '../../processor/lazy_flags.js';
import { loadMsrs } from '../msr_areas.js';
import { startTimer, stopTimer } from '../preemption_timer.js';
import { coreDebugTraps } from '../exit/guest_save.js';
import { loadPdptes, paePaging } from '../pae_paging.js';
import { addressIn, type VmExit } from '../exit/vm_exit.js';
import type { VmInstructions } from '../instructions/vm_instructions.js';
import type { VmcsEntryReader } from './vmcs_entry_reader.js';
import { Change } from '../vmcs/vmcs.js';
import { VmxMode } from '../vmx_mode.js';
import type { Owner, VmxState } from '../vmx_state.js';
import { VmxStatus } from '../instructions/vmx_status.js';
import { copy64, store64, Word } from '../words.js';

const entryControlsSlot = slotOf(VmcsField.VmEntryControls);
const primaryControls = slotOf(VmcsField.PrimaryProcessorBasedVmExecutionControls);
const secondaryControls = slotOf(VmcsField.SecondaryProcessorBasedVmExecutionControls);
const timerValue = slotOf(VmcsField.VmxPreemptionTimerValue);
const information = slotOf(VmcsField.VmEntryInterruptionInformationField);
const msrAddress = slotOf(VmcsField.VmEntryMsrLoadAddress);
const msrCount = slotOf(VmcsField.VmEntryMsrLoadCount);
const guestCr0 = slotOf(VmcsField.GuestCr0);
const guestCr3 = slotOf(VmcsField.GuestCr3);
const guestRflags = slotOf(VmcsField.GuestRflags);
const guestRsp = slotOf(VmcsField.GuestRsp);
const ripHalf = slotOf(VmcsField.GuestRip) << 1;
const guestEfer = slotOf(VmcsField.GuestIa32Efer);
const guestPat = slotOf(VmcsField.GuestIa32Pat);
const guestDr7 = slotOf(VmcsField.GuestDr7);
const guestDebugctl = slotOf(VmcsField.GuestIa32Debugctl);
const guestPendingDebug = slotOf(VmcsField.GuestPendingDebugExceptions);
const guestPdpte0 = slotOf(VmcsField.GuestPdpte0);
const exitReason = slotOf(VmcsField.ExitReason);
const exitQualification = slotOf(VmcsField.ExitQualification);

const {
  rsp: rspWord,
  rcx: rcxWord,
  owner: ownerWord,
  resident: residentWord,
  memoryWritten: memoryWrittenWord,
  launchedIn: launchedInWord,
  session: sessionWord,
  mode: modeWord,
  currentRecord: currentRecordWord,
  faultPending: faultPendingWord,
  delivery: deliveryWord,
  mtfPending: mtfPendingWord,
  vpid: vpidWord,
  rflags: flagsWord,
  debugTraps: debugTrapsWord,
  interruptibility: interruptibilityWord,
  activity: activityWord,
  attention: attentionWord,
  apicPending: apicPendingWord,
  instructions: instructionsWord,
  monitorAddress: monitorAddressWord,
} = Word;

/** Whether an exit was caused by an instruction with which software invalidates translations. */
const leavesInvalidation = (reason: number): boolean => reason === ExitReason.Invlpg || reason === ExitReason.Invpcid;

const resumeFlag = 0x10000;
/** Effects after which the core must recompute its state, and check again what is due before the first instruction. */
const affectsMode =
  Effect.Mode | Effect.Paging | Effect.Controls | Effect.Debug | Effect.PendingDebug | Effect.Attention;

/** VM entries of one logical processor. */
export class VmEntry {
  constructor(
    private readonly state: VmxState,
    private readonly instructions: VmInstructions,
    private readonly checks: EntryChecks,
    private readonly reader: VmcsEntryReader,
    private readonly exit: VmExit,
  ) {}

  /**
   * VMLAUNCH and VMRESUME. `Transferred`: the processor is the guest's, or (`state.nonRoot` false) the entry failed after the checks of
   * controls and host, and the host continues as after a VM exit with exit reason 33 or 34.
   */
  enter(isLaunch: boolean, owner: Owner): VmxStatus {
    const { state, instructions, checks } = this;
    const { vmcs } = state;
    if (!vmcs.isCurrent) return VmxStatus.FailInvalid;
    const basic = this.basicError(isLaunch);
    if (basic !== 0) return instructions.fail(basic);
    this.reader.setLaunch(isLaunch);
    if (this.reader.updateMode()) checks.markAll();
    checks.markChanged();
    const broken = checks.run();
    if (broken !== undefined && broken.area !== 'guest') return instructions.fail(broken.error);
    state.words[ownerWord] = owner;
    const wasResident = state.words[residentWord] !== 0;
    if (broken !== undefined) {
      const blocking = blockingByNmi(state.core.u32, wasResident);
      return this.fail(ExitReason.VmEntryFailureInvalidGuestState, broken.qualification, blocking);
    }
    // Loading the guest changes it. Only an MSR can fail afterwards.
    const blocking = vmcs.bits(msrCount) !== 0 ? blockingByNmi(state.core.u32, wasResident) : 0;
    const affects = this.load();
    if (state.hasEntryMsrs) {
      const list = addressIn(vmcs, msrAddress);
      const failedMsr = loadMsrs(state.core, list, vmcs.low(msrCount), 'VM-entry MSR-load area');
      if (failedMsr !== 0) return this.fail(ExitReason.VmEntryFailureMsrLoading, failedMsr, blocking);
    }
    if (isLaunch) vmcs.launchedIn = instructions.session;
    this.countEmulated();
    this.begin(wasResident, (affects & affectsMode) !== 0);
    return VmxStatus.Transferred;
  }

  /** SDM 3C "Basic VM-Entry Checks". @returns the VM-instruction error, 0 if there is none. */
  private basicError(isLaunch: boolean): number {
    const { words } = this.state;
    if (this.reader.isBlockedByMovSs) return VmInstructionError.EntryEventsBlockedByMovSs;
    const launchedIn = words[launchedInWord]!;
    if (isLaunch) return launchedIn === 0 ? 0 : VmInstructionError.VmlaunchNonClearVmcs;
    if (launchedIn === 0) return VmInstructionError.VmresumeNonLaunchedVmcs;
    return launchedIn === words[sessionWord] ? 0 : VmInstructionError.VmresumeAfterVmxoff;
  }

  private fail(reason: number, qualification: number, blocking: number): VmxStatus {
    this.exit.failEntry(reason, qualification, blocking);
    return VmxStatus.Transferred;
  }

  /** SDM 3C "Loading Guest State": what has changed since the processor last held it, which is everything after a switch of VMCS. @returns the effects. */
  private load(): number {
    const { core, vmcs } = this.state;
    const { u32 } = core;
    let effects = 0;
    for (let i = 0; i < vmcs.changedCount; i++) {
      const slot = vmcs.changedSlots[i]!;
      if ((vmcs.changes[slot]! & Change.Load) === 0) continue;
      const count = slotWordCounts[slot]!;
      if (count !== 0) {
        const word = slotWords[slot]!;
        u32[word] = vmcs.halves[slot << 1]!;
        if (count === 2) u32[word + 1] = vmcs.halves[(slot << 1) | 1]!;
      }
      effects |= slotEffects[slot]!;
    }
    vmcs.takeChanges();
    this.state.words[residentWord] = 0;
    if (effects !== 0) this.apply(effects);
    // GeneralRegisters shows RSP's slot to the VMM, which may have written it by mistake.
    copy64(u32, rspWord, vmcs.halves, guestRsp << 1);
    return effects;
  }

  /** Effects beyond the copy, in the order of their dependencies. */
  private apply(effects: number): void {
    const { state } = this;
    const { core, vmcs } = state;
    const { u32 } = core;
    if ((effects & Effect.ExitPlan) !== 0) state.updateExitPlan();
    if ((effects & Effect.Controls) !== 0) loadExecutionControls(u32, vmcs);
    if ((effects & Effect.Cr0) !== 0) {
      u32[Word.cr0] = (u32[Word.cr0]! & cr0Untouched) | (vmcs.bits(guestCr0) & ~cr0Untouched);
    }
    // The loaded value may differ from the field (because of controls or an injected event), and the guest may change it back to what the last exit found.
    state.coldUnknown |= coldGroups(effects);
    const controls = vmcs.bits(entryControlsSlot);
    if ((effects & Effect.Efer) !== 0) this.loadEfer(controls);
    if ((effects & Effect.Debug) !== 0 && (controls & EntryControl.LoadDebugControls) !== 0) this.loadDebug();
    if ((effects & Effect.Pat) !== 0 && (controls & EntryControl.LoadIa32Pat) !== 0) {
      copy64(u32, Word.pat, vmcs.halves, guestPat << 1);
    }
    if ((effects & Effect.Rflags) !== 0) writeFlags(u32, vmcs.bits(guestRflags));
    if ((effects & Effect.PendingDebug) !== 0)
      store64(u32, Word.debugTraps, coreDebugTraps(vmcs.bits(guestPendingDebug), u32[Word.interruptibility]!), 0);
    if ((effects & Effect.Pdptes) !== 0) this.loadPdptes();
  }

  private loadEfer(controls: number): void {
    const { core, vmcs } = this.state;
    const { u32 } = core;
    if ((controls & EntryControl.LoadIa32Efer) !== 0) {
      copy64(u32, Word.efer, vmcs.halves, guestEfer << 1);
      return;
    }
    const long = (controls & EntryControl.Ia32eModeGuest) !== 0;
    const paging = vmcs.bits(guestCr0) < 0;
    const affected = paging ? eferLongMode : 0x400;
    u32[Word.efer] = long ? u32[Word.efer]! | affected : u32[Word.efer]! & ~affected;
  }

  private loadDebug(): void {
    const { core, vmcs } = this.state;
    const dr7 = (vmcs.bits(guestDr7) & 0xffff2fff) | 0x400;
    // Pages with data breakpoints have no translation in the TLB. With VPID, the entry keeps translations.
    if (dr7 !== (core.u32[Word.dr7]! | 0) && (dr7 & DR7_ENABLES) !== 0) core.flushGuestTlb();
    store64(core.u32, Word.dr7, dr7, 0);
    copy64(core.u32, Word.debugctl, vmcs.halves, guestDebugctl << 1);
  }

  /** SDM 3C "Loading Page-Directory-Pointer-Table Entries": from the fields with EPT, else from memory, where a rule has checked them. */
  private loadPdptes(): void {
    const { core, vmcs, words } = this.state;
    if (!paePaging(words)) return;
    const secondary =
      (vmcs.bits(primaryControls) & PrimaryControl.ActivateSecondaryControls) !== 0 ? vmcs.bits(secondaryControls) : 0;
    if ((secondary & SecondaryControl.EnableEpt) === 0) {
      loadPdptes(core.u32, core.structureOffset(pdpteTable(vmcs.bits(guestCr3))), core.physicalAddressWidth);
      return;
    }
    for (let i = 0; i < 4; i++) {
      copy64(core.u32, Word.pdpte0 + 2 * i, vmcs.halves, (guestPdpte0 + i) << 1);
    }
  }

  /** Counts what the VMM emulated. */
  private countEmulated(): void {
    const { vmcs, words } = this.state;
    const { instruction } = vmcs;
    if (instruction[0] === 1 && this.isEmulated()) {
      words[instructionsWord] = (words[instructionsWord]! + 1) | 0;
      if (words[instructionsWord] === 0) words[instructionsWord + 1] = (words[instructionsWord + 1]! + 1) | 0;
    }
    instruction[0] = 0;
  }

  /** Whether RIP has moved past the instruction of the last exit. An element of REP INS or OUTS moves RCX only. */
  private isEmulated(): boolean {
    const { vmcs, words } = this.state;
    const { instruction, signed } = vmcs;
    if (signed[ripHalf] !== instruction[1] || signed[ripHalf + 1] !== instruction[2]) return true;
    if (words[rcxWord] === instruction[3] || vmcs.low(exitReason) !== ExitReason.IoInstruction) return false;
    return (vmcs.low(exitQualification) & IoAccess.RepPrefixed) !== 0;
  }

  /** The end of an entry: timer, pending events, injection, and the processor is in non-root operation. */
  private begin(wasResident: boolean, mustUpdateMode: boolean): void {
    const { state } = this;
    const { core, vmcs, words } = state;
    const { u32 } = core;
    if (state.usesTimer) startTimer(u32, vmcs.low(timerValue));
    else if (!wasResident) stopTimer(u32);
    words[modeWord] = VmxMode.NonRoot;
    words[currentRecordWord] = 0;
    words[faultPendingWord] = 0;
    words[deliveryWord] = 0;
    words[mtfPendingWord] = 0;
    // SDM 3C "Clearing Address-Range Monitoring"
    store64(u32, monitorAddressWord, 0xffffffff, 0xffffffff);
    if (state.usesTprShadow) {
      words[apicPendingWord] = Constants.APIC_PENDING_ENTRY;
      words[attentionWord] = words[attentionWord]! | Constants.ATTENTION_VIRTUAL_APIC;
    }
    const event = vmcs.bits(information);
    if (words[debugTrapsWord] !== 0 && !keepsPendingDebug(event, words[interruptibilityWord]!, words[activityWord]!))
      store64(u32, debugTrapsWord, 0, 0);
    if (event < 0) injectEvent(u32, vmcs, event);
    // Without VPIDs a VM entry invalidates all translations. After an exit to JavaScript, software can tell only after stores of the VMM, and after
    // an invalidation of its own, which the VMM leaves to the entry.
    const isStale =
      words[vpidWord] === 0 && (words[memoryWrittenWord] !== 0 || leavesInvalidation(vmcs.low(exitReason)));
    words[memoryWrittenWord] = 0;
    if (!wasResident || mustUpdateMode || isStale || event < 0) core.stateLoaded();
    // The exit may have set RF in the processor. RF ends after one instruction, so the core must execute that one alone.
    if ((words[flagsWord]! & resumeFlag) !== 0) words[attentionWord] = words[attentionWord]! | Constants.ATTENTION_STEP;
  }
}
