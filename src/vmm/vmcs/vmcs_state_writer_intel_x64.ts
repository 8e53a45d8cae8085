// SPDX-License-Identifier: LGPL-2.1-only
import { inject } from 'inversify';
import type { ControlBitAccess } from '../../intrinsics/accessors/accessor_types.js';
import { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import { HostEntry, type ExitEntry } from '../../intrinsics/host_entry.js';
import { Msr } from '../../intrinsics/msr_definitions.js';
import { Cr0, Cr4, Efer } from '../../intrinsics/registers.js';
import { segmentNames } from '../../intrinsics/segments.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { extension } from '../container/extension.js';
import { Ept } from '../ept/ept.js';
import { derived, state } from '../state/state.js';
import { StateSave } from '../state_save/state_save.js';
import { GuestState, VmmState } from '../vmm_state/vmcs_state.js';
import { announces, type AnnouncedFeature } from '../processor_facts/announced_features.js';
import { VmcsFieldsIntelX64 } from '../vmcs_fields/vmcs_fields_intel_x64.js';

/** Fills a VMCS, group by group; each group and each word of controls is a method of its own, for subclasses. */
@extension()
export class VmcsStateWriterIntelX64 extends VmcsFieldsIntelX64 {
  @inject(GuestState) protected readonly guestState!: GuestState;
  @inject(VmmState) protected readonly vmmState!: VmmState;
  @inject(StateSave) protected readonly stateSave!: StateSave;
  @inject(CpuidAccessors) protected readonly cpuid!: CpuidAccessors;
  @inject(HostEntry) protected readonly hostEntry!: HostEntry;
  @inject(Ept) protected readonly ept!: Ept;

  /** The exit entry of the current launch. */
  @derived() protected entry!: ExitEntry;
  /** Highest address of the stack that VM exits switch to. */
  @state() protected exitStackTop = 0n;

  protected writeFields(): void {
    this.writeGuest16BitFields();
    this.writeGuest64BitFields();
    this.writeGuest32BitFields();
    this.writeGuestNaturalFields();
    this.writeControl16BitFields();
    this.writeControl64BitFields();
    this.writeControl32BitFields();
    this.writeControlNaturalFields();
    this.writeHost16BitFields();
    this.writeHost64BitFields();
    this.writeHost32BitFields();
    this.writeHostNaturalFields();
    this.writePinBasedControls();
    this.writePrimaryControls();
    this.writeSecondaryControls();
    this.writeExitControls();
    this.writeEntryControls();
  }

  protected writeGuest16BitFields(): void {
    // The selectors' encodings follow the SDM's order of segments, as do limits, rights and bases below.
    segmentNames.forEach((name, index) =>
      this.write(VmcsField.GuestEsSelector + 2 * index, BigInt(this.guestState.segments[name].selector)),
    );
  }

  protected writeGuest64BitFields(): void {
    this.vmcsLinkPointer.set(0xffffffffffffffffn);
    this.guestIa32Debugctl.set(this.guestState.ia32Debugctl);
    this.guestIa32Pat.setIfExists(this.guestState.ia32Pat);
    this.guestIa32Efer.setIfExists(this.guestState.ia32Efer);
    this.guestIa32PerfGlobalCtrl.setIfExists(this.guestState.ia32PerfGlobalCtrl);
  }

  protected writeGuest32BitFields(): void {
    segmentNames.forEach((name, index) => {
      const segment = this.guestState.segments[name];
      this.write(VmcsField.GuestEsLimit + 2 * index, BigInt(segment.limit));
      this.write(VmcsField.GuestEsAccessRights + 2 * index, BigInt(segment.accessRights));
    });
    this.guestGdtrLimit.set(BigInt(this.guestState.gdt.limit));
    this.guestIdtrLimit.set(BigInt(this.guestState.idt.limit));
    this.guestInterruptibilityState.set(0n);
    this.guestActivityState.set('active');
    // The field has 32 bits of the MSR's 64. SDM 3C "Guest Register State".
    this.guestIa32SysenterCs.set(BigInt.asUintN(32, this.guestState.ia32SysenterCs));
  }

  protected writeGuestNaturalFields(): void {
    const state = this.guestState;
    this.guestCr0.set(state.cr0);
    this.guestCr3.set(state.cr3);
    this.guestCr4.set(state.cr4);
    segmentNames.forEach((name, index) => this.write(VmcsField.GuestEsBase + 2 * index, state.segments[name].base));
    this.guestGdtrBase.set(state.gdt.base);
    this.guestIdtrBase.set(state.idt.base);
    this.guestDr7.set(state.dr7);
    this.guestRsp.set(state.rsp);
    this.guestRip.set(state.rip);
    this.guestRflags.set(state.rflags);
    this.guestPendingDebugExceptions.set(0n);
    this.guestIa32SysenterEsp.set(state.ia32SysenterEsp);
    this.guestIa32SysenterEip.set(state.ia32SysenterEip);
  }

  protected writeControl16BitFields(): void {
    // Nothing by default: VPID, posted interrupts and EPTP switching are off.
  }

  protected writeControl64BitFields(): void {
    // Nothing by default: no bitmaps, no MSR areas, no TSC offset.
  }

  protected writeControl32BitFields(): void {
    this.exceptionBitmap.set(0n);
    this.pageFaultErrorCodeMask.set(0n);
    this.pageFaultErrorCodeMatch.set(0n);
    this.cr3TargetCount.set(0n);
    this.vmExitMsrStoreCount.set(0n);
    this.vmExitMsrLoadCount.set(0n);
    this.vmEntryMsrLoadCount.set(0n);
    this.vmEntryInterruptionInformationField.set(0n);
  }

  /**
   * The bits that VMX operation fixes are the host's: a guest that owns the processor from its first instruction writes CR4 without VMXE,
   * and would get #GP if it reached the register. PE and PG are the guest's.
   */
  protected writeControlNaturalFields(): void {
    const paging = BigInt((Cr0.ProtectionEnable | Cr0.Paging) >>> 0);
    const vmxe = BigInt(Cr4.VmxEnableBit);
    this.cr0GuestHostMask.set(this.msrs.rdmsr(Msr.Ia32VmxCr0Fixed0) & ~paging);
    this.cr0ReadShadow.set(this.guestState.cr0);
    this.cr4GuestHostMask.set(this.msrs.rdmsr(Msr.Ia32VmxCr4Fixed0) | vmxe);
    this.cr4ReadShadow.set(this.guestState.cr4 & ~vmxe);
  }

  protected writeHost16BitFields(): void {
    const { es, cs, ss, ds, fs, gs, tr } = this.vmmState.segments;
    [es, cs, ss, ds, fs, gs, tr].forEach((segment, index) =>
      this.write(VmcsField.HostEsSelector + 2 * index, BigInt(segment.selector)),
    );
  }

  protected writeHost64BitFields(): void {
    this.hostIa32Pat.setIfExists(this.vmmState.ia32Pat);
    this.hostIa32Efer.setIfExists(this.vmmState.ia32Efer);
    this.hostIa32PerfGlobalCtrl.setIfExists(this.vmmState.ia32PerfGlobalCtrl);
  }

  protected writeHost32BitFields(): void {
    this.hostIa32SysenterCs.set(BigInt.asUintN(32, this.vmmState.ia32SysenterCs));
  }

  protected writeHostNaturalFields(): void {
    const state = this.vmmState;
    this.hostCr0.set(state.cr0);
    this.hostCr3.set(state.cr3);
    this.hostCr4.set(state.cr4);
    this.hostFsBase.set(state.segments.fs.base);
    this.hostGsBase.set(this.stateSave.address);
    this.hostTrBase.set(state.segments.tr.base);
    this.hostGdtrBase.set(state.gdt.base);
    this.hostIdtrBase.set(state.idt.base);
    this.hostIa32SysenterEsp.set(state.ia32SysenterEsp);
    this.hostIa32SysenterEip.set(state.ia32SysenterEip);
    this.hostRsp.set(this.exitStackTop);
    this.hostRip.set(this.hostEntry.attach(this.entry));
  }

  protected writePinBasedControls(): void {
    this.writeDefaultControls('pin');
  }

  protected writePrimaryControls(): void {
    this.writeDefaultControls('primary');
    this.primaryProcessorBasedVmExecutionControls.activateSecondaryControls.enable();
  }

  protected writeSecondaryControls(): void {
    this.writeDefaultControls('secondary');
    const controls = this.secondaryProcessorBasedVmExecutionControls;
    this.keepFeature('rdtscp', controls.enableRdtscp);
    this.keepFeature('invpcid', controls.enableInvpcid);
    this.keepFeature('xsaves', controls.enableXsavesXrstors);
    this.enableUnrestrictedGuest();
  }

  /** Enables what lets the guest keep a feature; warns if the guest was told of the feature and loses it. */
  protected keepFeature(feature: AnnouncedFeature, control: ControlBitAccess): void {
    control.enableIfAllowed(announces(this.cpuid, feature));
  }

  /** With both, the guest may clear CR0.PE and CR0.PG, as a kernel's decompressor and its start of further processors do. */
  protected enableUnrestrictedGuest(): void {
    const { enableEpt, unrestrictedGuest } = this.secondaryProcessorBasedVmExecutionControls;
    if (!enableEpt.isAllowed1() || !unrestrictedGuest.isAllowed1()) return;
    if (!this.ept.isSupported()) return;
    this.ept.use(this);
    unrestrictedGuest.enable();
  }

  protected writeExitControls(): void {
    this.writeDefaultControls('exit');
    const controls = this.vmExitControls;
    controls.saveDebugControls.enable();
    controls.hostAddressSpaceSize.enable();
    controls.saveIa32Pat.enable();
    controls.loadIa32Pat.enable();
    controls.saveIa32Efer.enable();
    controls.loadIa32Efer.enable();
    this.keepFeature('perfGlobalCtrl', controls.loadIa32PerfGlobalCtrl);
  }

  protected writeEntryControls(): void {
    this.writeDefaultControls('entry');
    const controls = this.vmEntryControls;
    controls.loadDebugControls.enable();
    if ((this.guestState.ia32Efer & BigInt(Efer.Lma)) !== 0n) controls.ia32eModeGuest.enable();
    controls.loadIa32Pat.enable();
    controls.loadIa32Efer.enable();
    this.keepFeature('perfGlobalCtrl', controls.loadIa32PerfGlobalCtrl);
  }
}
