// SPDX-License-Identifier: LGPL-2.1-only
import {
  EntryControl,
  ExitControl,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
} from '../../intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../layout/core_constants.js';
import { slotOf } from './vmcs/field_slots.js';
import { guestStateSlots, makeSavePlan, type SavePlan } from './vmcs/guest_state.js';
import { blockingByNmi, loadHostState } from './exit/host_state.js';
import { Change, type Vmcs } from './vmcs/vmcs.js';
import type { VmxCore } from './vmx_core.js';
import { VmxMode } from './vmx_mode.js';
import { Word } from './words.js';

const {
  mode: modeWord,
  owner: ownerWord,
  resident: residentWord,
  memoryWritten: memoryWrittenWord,
  coldUnknown: coldUnknownWord,
} = Word;

const pinSlot = slotOf(VmcsField.PinBasedVmExecutionControls);
const primarySlot = slotOf(VmcsField.PrimaryProcessorBasedVmExecutionControls);
const secondarySlot = slotOf(VmcsField.SecondaryProcessorBasedVmExecutionControls);
const entryControlsSlot = slotOf(VmcsField.VmEntryControls);
const exitControlsSlot = slotOf(VmcsField.VmExitControls);
const listCountSlots = [VmcsField.VmExitMsrStoreCount, VmcsField.VmExitMsrLoadCount, VmcsField.VmEntryMsrLoadCount].map(
  slotOf,
);

const allCold = Constants.COLD_TABLES | Constants.COLD_CONTROLS;

/** What runs at the host's RIP after a VM exit. */
export const Owner = {
  /** Guest code of the machine executed VMLAUNCH or VMRESUME: host RIP is x86 code. */
  Code: 0,
  /** An intrinsic did: VM exits go to JavaScript. */
  JavaScript: 1,
} as const;
export type Owner = (typeof Owner)[keyof typeof Owner];

/** The state that VM entry and VM exit of one logical processor share. */
export class VmxState {
  /** What VM exits save, for the current exit controls. */
  savePlan: SavePlan = makeSavePlan(0);
  private plannedControls = 0;
  /** The controls, in the form that the entry and exit paths need. */
  usesEpt = false;
  usesPml = false;
  usesTprShadow = false;
  deliversVirtualInterrupts = false;
  usesTimer = false;
  savesTimer = false;
  acknowledgesInterrupts = false;
  hasEntryMsrs = false;
  /** Whether the controls let the guest's state stay in the processor across an exit to JavaScript. */
  mayStayResident = false;

  /** The machine's memory as signed words: reading them never allocates. */
  readonly words: Int32Array;

  constructor(
    readonly core: VmxCore,
    readonly vmcs: Vmcs,
  ) {
    this.words = new Int32Array(core.u32.buffer);
  }

  /** Whether the processor runs a guest. */
  get nonRoot(): boolean {
    return this.words[modeWord] === VmxMode.NonRoot;
  }

  /** Who made the last VM entry. */
  get owner(): Owner {
    return this.words[ownerWord] as Owner;
  }
  set owner(owner: Owner) {
    this.words[ownerWord] = owner;
  }

  /**
   * The processor is in root operation, but still holds the guest's state. After an exit to JavaScript, normally nothing reads the host's
   * registers, so they are loaded only on demand (`materializeHost`). That saves two thirds of an exit.
   */
  get resident(): boolean {
    return this.words[residentWord] !== 0;
  }
  set resident(value: boolean) {
    this.words[residentWord] = value ? 1 : 0;
  }

  /** The VMM stored into memory, perhaps into page tables of the guest. The next VM entry of this processor, loaded or parked, looks at it. */
  memoryWritten(): void {
    this.words[memoryWrittenWord + this.core.block.place] = 1;
  }

  /**
   * Groups of fields (Constants.COLD_*) that the next exit must save even if the guest did not change them. For all other groups, the VMCS has the
   * values that the last exit found.
   */
  get coldUnknown(): number {
    return this.words[coldUnknownWord]!;
  }
  set coldUnknown(groups: number) {
    this.words[coldUnknownWord] = groups;
  }

  /** Rebuilds the plan of exits after a control that it depends on changed. */
  updateExitPlan(): void {
    const exit = this.vmcs.low(exitControlsSlot);
    this.coldUnknown = allCold;
    if (exit !== this.plannedControls) this.savePlan = makeSavePlan(exit);
    this.plannedControls = exit;
    const primary = this.vmcs.low(primarySlot);
    const secondary = (primary & PrimaryControl.ActivateSecondaryControls) !== 0 ? this.vmcs.low(secondarySlot) : 0;
    this.usesEpt = (secondary & SecondaryControl.EnableEpt) !== 0;
    this.usesTprShadow = (primary & PrimaryControl.UseTprShadow) !== 0;
    this.deliversVirtualInterrupts = (secondary & SecondaryControl.VirtualInterruptDelivery) !== 0;
    this.usesPml = (secondary & SecondaryControl.EnablePml) !== 0;
    this.usesTimer = (this.vmcs.low(pinSlot) & PinBasedControl.ActivateVmxPreemptionTimer) !== 0;
    this.savesTimer = (exit & ExitControl.SaveVmxPreemptionTimerValue) !== 0;
    this.acknowledgesInterrupts = (exit & ExitControl.AcknowledgeInterruptOnExit) !== 0;
    this.hasEntryMsrs = this.vmcs.low(slotOf(VmcsField.VmEntryMsrLoadCount)) !== 0;
    const lists = listCountSlots.some((slot) => this.vmcs.low(slot) !== 0);
    this.mayStayResident = !lists && savesWhatItLoads(exit, this.vmcs.low(entryControlsSlot));
  }

  /** Loads the host's state if that was deferred. The next VM entry must then load the guest's again. */
  materializeHost(): void {
    if (!this.resident) return;
    loadHostState(this.core, this.vmcs, blockingByNmi(this.core.u32, true));
    this.forgetGuest();
    this.core.stateLoaded();
  }

  /** The processor no longer holds the guest's state. */
  forgetGuest(): void {
    this.resident = false;
    this.coldUnknown = allCold;
    for (const slot of guestStateSlots) this.vmcs.changed(slot, Change.Load);
  }
}

/**
 * Whether an exit and the following entry leave debug controls, PAT and EFER as the guest had them, regardless of the host's. Each is saved
 * and loaded, or (PAT) host and guest share it.
 */
function savesWhatItLoads(exit: number, entry: number): boolean {
  const debug = (exit & ExitControl.SaveDebugControls) !== 0 && (entry & EntryControl.LoadDebugControls) !== 0;
  const pat = (exit & ExitControl.SaveIa32Pat) !== 0 && (entry & EntryControl.LoadIa32Pat) !== 0;
  const noPat = (exit & ExitControl.LoadIa32Pat) === 0 && (entry & EntryControl.LoadIa32Pat) === 0;
  const efer = (exit & ExitControl.SaveIa32Efer) !== 0 && (entry & EntryControl.LoadIa32Efer) !== 0;
  const noEfer =
    (exit & ExitControl.LoadIa32Efer) === 0 &&
    (entry & EntryControl.LoadIa32Efer) === 0 &&
    (exit & ExitControl.HostAddressSpaceSize) !== 0 &&
    (entry & EntryControl.Ia32eModeGuest) !== 0;
  return debug && (pat || noPat) && (efer || noEfer);
}
