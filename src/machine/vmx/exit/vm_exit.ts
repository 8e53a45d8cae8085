// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "VM Exits".
import { pdpteTable } from '../../../intrinsics/contents/control_register_contents.js';
import { ExitControl } from '../../../intrinsics/vmx/control_bits.js';
import { ExitReason, ExitReasonBit } from '../../../intrinsics/vmx/exit_reasons.js';
import { InterruptibilityState } from '../../../intrinsics/registers/registers.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../vmcs/field_slots.js';
import { GuestSave } from './guest_save.js';
import { blockingByNmi, eferLongMode, loadHostState } from './host_state.js';
import { loadMsrs, storeMsrs } from '../msr_areas.js';
import { loadPdptes } from '../pae_paging.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { VmxMode } from '../vmx_mode.js';
import { Owner, type VmxState } from '../vmx_state.js';
import { Word } from '../words.js';

const exitReason = slotOf(VmcsField.ExitReason);
const exitQualification = slotOf(VmcsField.ExitQualification);
const exitControls = slotOf(VmcsField.VmExitControls);
const storeAddress = slotOf(VmcsField.VmExitMsrStoreAddress);
const storeCount = slotOf(VmcsField.VmExitMsrStoreCount);
const loadAddress = slotOf(VmcsField.VmExitMsrLoadAddress);
const loadCount = slotOf(VmcsField.VmExitMsrLoadCount);
const hostCr3 = slotOf(VmcsField.HostCr3);
const hostCr4 = slotOf(VmcsField.HostCr4);

const {
  exitReason: reasonWord,
  exitInterruptionInformation: interruptionWord,
  faultPending,
  delivery,
  mode,
  owner: ownerWord,
  resident: residentWord,
} = Word;

const valid = 0x80000000;
const nmi = 0x80000202;
const cr4Pae = 0x20;

/** Why the processor shut down in a VM exit. SDM 3C "VMX Aborts". */
export const VmxAbort = { None: 0, SavingMsrs: 1, HostPdptes: 2, LoadingMsrs: 4, HostAddressSpace: 6 } as const;
export type VmxAbort = (typeof VmxAbort)[keyof typeof VmxAbort];

/** VM exits of one logical processor. */
export class VmExit {
  private readonly save: GuestSave;

  constructor(private readonly state: VmxState) {
    this.save = new GuestSave(state);
  }

  /**
   * A VM exit out of the guest, after the core wrote its EXIT_ words: saves the guest and loads the host (or defers that if JavaScript
   * is the host). @returns why the processor shut down, normally `None`.
   */
  leaveGuest(): VmxAbort {
    const { state, save } = this;
    const { words } = state;
    // With posted interrupts, the core has acknowledged it.
    const isWaiting = words[reasonWord] === ExitReason.ExternalInterrupt && words[interruptionWord] === 0;
    if (isWaiting && state.acknowledgesInterrupts) this.acknowledge();
    save.report();
    save.save();
    words[mode] = VmxMode.Root;
    words[faultPending] = 0;
    words[delivery] = 0;
    if (words[ownerWord] === Owner.JavaScript && state.mayStayResident) {
      words[residentWord] = 1;
      return VmxAbort.None;
    }
    return this.goToHost();
  }

  /**
   * A VM entry that failed after the processor began to load the guest: the exit reason has bit 31 set, nothing of the guest is saved.
   * SDM 3C "VM-Entry Failures During or After Loading Guest State". @param blocking the processor's blocking by NMI before the entry, which stays.
   */
  failEntry(reason: number, qualification: number, blocking: number): VmxAbort {
    const { vmcs, core } = this.state;
    vmcs.report(exitReason, (reason | ExitReasonBit.VmEntryFailure) >>> 0, 0);
    vmcs.report(exitQualification, qualification, 0);
    core.u32[Word.mode] = VmxMode.Root;
    // Loading JavaScript's host registers may wait while the processor still holds the state that the last exit saved.
    if (this.state.resident) return VmxAbort.None;
    return this.loadHost(blocking);
  }

  /** The INTA cycle of an exit for an external interrupt. */
  private acknowledge(): void {
    const { core } = this.state;
    const vector = core.acknowledgeInterrupt();
    core.u32[interruptionWord] = vector < 0 ? 0 : (valid | vector) >>> 0;
  }

  /** Stores the guest's MSRs and loads the host at once. */
  private goToHost(): VmxAbort {
    const { core, vmcs } = this.state;
    if (!storeMsrs(core, addressIn(vmcs, storeAddress), vmcs.low(storeCount))) return this.abort(VmxAbort.SavingMsrs);
    const basic = core.u32[reasonWord]! & 0xffff;
    const isNmi = basic === ExitReason.ExceptionOrNonMaskableInterrupt && core.u32[interruptionWord] === nmi;
    return this.loadHost(isNmi ? InterruptibilityState.BlockingByNmi : blockingByNmi(core.u32, true));
  }

  /** Loads the host's state at once. @param blocking by NMI, of the host. */
  private loadHost(blocking: number): VmxAbort {
    const { state } = this;
    const { core, vmcs } = state;
    const { u32 } = core;
    const controls = vmcs.low(exitControls);
    const host64 = (controls & ExitControl.HostAddressSpaceSize) !== 0;
    // An exit cannot go from a guest in IA-32e mode to a host outside it. SDM 3C "VMX Aborts", code 6.
    if (!host64 && (u32[Word.efer]! & eferLongMode) === eferLongMode) return this.abort(VmxAbort.HostAddressSpace);
    loadHostState(core, vmcs, blocking);
    if (!host64 && (vmcs.low(hostCr4) & cr4Pae) !== 0 && !this.loadHostPdptes()) return this.abort(VmxAbort.HostPdptes);
    state.forgetGuest();
    core.stateLoaded();
    if (loadMsrs(core, addressIn(vmcs, loadAddress), vmcs.low(loadCount), 'VM-exit MSR-load area') !== 0)
      return this.abort(VmxAbort.LoadingMsrs);
    return VmxAbort.None;
  }

  /** PDPTEs of a host with PAE paging. @returns false if one has a reserved bit set. */
  private loadHostPdptes(): boolean {
    const { core, vmcs } = this.state;
    return loadPdptes(core.u32, core.structureOffset(pdpteTable(vmcs.low(hostCr3))), core.physicalAddressWidth);
  }

  private abort(code: VmxAbort): VmxAbort {
    const { core, vmcs } = this.state;
    const at = core.structureOffset(vmcs.region);
    if (at >= 0) Vmcs.abort(core.writer, at, code);
    return code;
  }
}

/** A physical address from a field. */
export function addressIn(vmcs: Vmcs, slot: number): number {
  return vmcs.high(slot) * 0x100000000 + vmcs.low(slot);
}
