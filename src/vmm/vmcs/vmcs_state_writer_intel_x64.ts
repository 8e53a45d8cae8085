// SPDX-License-Identifier: LGPL-2.1-only
import { inject } from 'inversify';
import {
  EntryControl,
  ExitControl,
  PrimaryControl,
  SecondaryControl,
  type ControlWord,
} from '../../intrinsics/control_bits.js';
import { Cpuid } from '../../intrinsics/cpuid.js';
import { HostEntry, type ExitEntry } from '../../intrinsics/host_entry.js';
import { Msr } from '../../intrinsics/msr_definitions.js';
import { Cr0, Cr4, Efer } from '../../intrinsics/registers.js';
import { segmentNames } from '../../intrinsics/segments.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { extension } from '../container/extension.js';
import { Ept } from '../ept/ept.js';
import { StateSave } from '../state_save/state_save.js';
import { GuestState, VmmState } from '../vmm_state/vmcs_state.js';
import { announces, type AnnouncedFeature } from './announced_features.js';
import { VmcsFieldsIntelX64 } from './vmcs_fields_intel_x64.js';

/** Fills a VMCS, group by group; each group and each word of controls is a method of its own, for subclasses. */
@extension()
export class VmcsStateWriterIntelX64 extends VmcsFieldsIntelX64 {
  @inject(GuestState) protected readonly guestState!: GuestState;
  @inject(VmmState) protected readonly vmmState!: VmmState;
  @inject(StateSave) protected readonly stateSave!: StateSave;
  @inject(Cpuid) protected readonly cpuid!: Cpuid;
  @inject(HostEntry) protected readonly hostEntry!: HostEntry;
  @inject(Ept) protected readonly ept!: Ept;

  /** The exit entry of the current launch. */
  protected entry!: ExitEntry;
  /** Highest address of the stack that VM exits switch to. */
  protected exitStackTop = 0n;

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
    this.write(VmcsField.VmcsLinkPointer, 0xffffffffffffffffn);
    this.write(VmcsField.GuestIa32Debugctl, this.guestState.ia32Debugctl);
    this.writeIfExists(VmcsField.GuestIa32Pat, this.guestState.ia32Pat);
    this.writeIfExists(VmcsField.GuestIa32Efer, this.guestState.ia32Efer);
    this.writeIfExists(VmcsField.GuestIa32PerfGlobalCtrl, this.guestState.ia32PerfGlobalCtrl);
  }

  protected writeGuest32BitFields(): void {
    segmentNames.forEach((name, index) => {
      const segment = this.guestState.segments[name];
      this.write(VmcsField.GuestEsLimit + 2 * index, BigInt(segment.limit));
      this.write(VmcsField.GuestEsAccessRights + 2 * index, BigInt(segment.accessRights));
    });
    this.write(VmcsField.GuestGdtrLimit, BigInt(this.guestState.gdt.limit));
    this.write(VmcsField.GuestIdtrLimit, BigInt(this.guestState.idt.limit));
    this.write(VmcsField.GuestInterruptibilityState, 0n);
    this.write(VmcsField.GuestActivityState, 0n);
    this.write(VmcsField.GuestIa32SysenterCs, this.guestState.ia32SysenterCs);
  }

  protected writeGuestNaturalFields(): void {
    const state = this.guestState;
    this.write(VmcsField.GuestCr0, state.cr0);
    this.write(VmcsField.GuestCr3, state.cr3);
    this.write(VmcsField.GuestCr4, state.cr4);
    segmentNames.forEach((name, index) => this.write(VmcsField.GuestEsBase + 2 * index, state.segments[name].base));
    this.write(VmcsField.GuestGdtrBase, state.gdt.base);
    this.write(VmcsField.GuestIdtrBase, state.idt.base);
    this.write(VmcsField.GuestDr7, state.dr7);
    this.write(VmcsField.GuestRsp, state.rsp);
    this.write(VmcsField.GuestRip, state.rip);
    this.write(VmcsField.GuestRflags, state.rflags);
    this.write(VmcsField.GuestPendingDebugExceptions, 0n);
    this.write(VmcsField.GuestIa32SysenterEsp, state.ia32SysenterEsp);
    this.write(VmcsField.GuestIa32SysenterEip, state.ia32SysenterEip);
  }

  protected writeControl16BitFields(): void {
    // Nothing by default: VPID, posted interrupts and EPTP switching are off.
  }

  protected writeControl64BitFields(): void {
    // Nothing by default: no bitmaps, no MSR areas, no TSC offset.
  }

  protected writeControl32BitFields(): void {
    const zeros = [
      VmcsField.ExceptionBitmap,
      VmcsField.PageFaultErrorCodeMask,
      VmcsField.PageFaultErrorCodeMatch,
      VmcsField.Cr3TargetCount,
      VmcsField.VmExitMsrStoreCount,
      VmcsField.VmExitMsrLoadCount,
      VmcsField.VmEntryMsrLoadCount,
      VmcsField.VmEntryInterruptionInformationField,
    ];
    for (const field of zeros) this.write(field, 0n);
  }

  /**
   * The bits that VMX operation fixes are the host's: a guest that owns the processor from its first instruction writes CR4 without VMXE,
   * and would get #GP if it reached the register. PE and PG are the guest's.
   */
  protected writeControlNaturalFields(): void {
    const paging = BigInt((Cr0.ProtectionEnable | Cr0.Paging) >>> 0);
    const vmxe = BigInt(Cr4.VmxEnableBit);
    this.write(VmcsField.Cr0GuestHostMask, this.msrs.rdmsr(Msr.Ia32VmxCr0Fixed0) & ~paging);
    this.write(VmcsField.Cr0ReadShadow, this.guestState.cr0);
    this.write(VmcsField.Cr4GuestHostMask, this.msrs.rdmsr(Msr.Ia32VmxCr4Fixed0) | vmxe);
    this.write(VmcsField.Cr4ReadShadow, this.guestState.cr4 & ~vmxe);
  }

  protected writeHost16BitFields(): void {
    const { es, cs, ss, ds, fs, gs, tr } = this.vmmState.segments;
    [es, cs, ss, ds, fs, gs, tr].forEach((segment, index) =>
      this.write(VmcsField.HostEsSelector + 2 * index, BigInt(segment.selector)),
    );
  }

  protected writeHost64BitFields(): void {
    this.writeIfExists(VmcsField.HostIa32Pat, this.vmmState.ia32Pat);
    this.writeIfExists(VmcsField.HostIa32Efer, this.vmmState.ia32Efer);
    this.writeIfExists(VmcsField.HostIa32PerfGlobalCtrl, this.vmmState.ia32PerfGlobalCtrl);
  }

  protected writeHost32BitFields(): void {
    this.write(VmcsField.HostIa32SysenterCs, this.vmmState.ia32SysenterCs);
  }

  protected writeHostNaturalFields(): void {
    const state = this.vmmState;
    this.write(VmcsField.HostCr0, state.cr0);
    this.write(VmcsField.HostCr3, state.cr3);
    this.write(VmcsField.HostCr4, state.cr4);
    this.write(VmcsField.HostFsBase, state.segments.fs.base);
    this.write(VmcsField.HostGsBase, this.stateSave.address);
    this.write(VmcsField.HostTrBase, state.segments.tr.base);
    this.write(VmcsField.HostGdtrBase, state.gdt.base);
    this.write(VmcsField.HostIdtrBase, state.idt.base);
    this.write(VmcsField.HostIa32SysenterEsp, state.ia32SysenterEsp);
    this.write(VmcsField.HostIa32SysenterEip, state.ia32SysenterEip);
    this.write(VmcsField.HostRsp, this.exitStackTop);
    this.write(VmcsField.HostRip, this.hostEntry.attach(this.entry));
  }

  protected writePinBasedControls(): void {
    this.writeDefaultControls('pin');
  }

  protected writePrimaryControls(): void {
    this.writeDefaultControls('primary');
    this.enable('primary', PrimaryControl.ActivateSecondaryControls);
  }

  protected writeSecondaryControls(): void {
    this.writeDefaultControls('secondary');
    this.keepFeature('rdtscp', 'secondary', SecondaryControl.EnableRdtscp);
    this.keepFeature('invpcid', 'secondary', SecondaryControl.EnableInvpcid);
    this.keepFeature('xsaves', 'secondary', SecondaryControl.EnableXsavesXrstors);
    this.enableUnrestrictedGuest();
  }

  /** Enables what lets the guest keep a feature; warns if the guest was told of the feature and loses it. */
  protected keepFeature(feature: AnnouncedFeature, word: ControlWord, control: number): void {
    this.enableIfAllowed(word, control, announces(this.cpuid, feature));
  }

  /** With both, the guest may clear CR0.PE and CR0.PG, as a kernel's decompressor and its start of further processors do. */
  protected enableUnrestrictedGuest(): void {
    if (!this.isAllowed1('secondary', SecondaryControl.EnableEpt | SecondaryControl.UnrestrictedGuest)) return;
    if (!this.ept.isSupported()) return;
    this.ept.use(this);
    this.enable('secondary', SecondaryControl.UnrestrictedGuest);
  }

  protected writeExitControls(): void {
    this.writeDefaultControls('exit');
    this.enable('exit', ExitControl.SaveDebugControls);
    this.enable('exit', ExitControl.HostAddressSpaceSize);
    this.enable('exit', ExitControl.SaveIa32Pat);
    this.enable('exit', ExitControl.LoadIa32Pat);
    this.enable('exit', ExitControl.SaveIa32Efer);
    this.enable('exit', ExitControl.LoadIa32Efer);
    this.keepFeature('perfGlobalCtrl', 'exit', ExitControl.LoadIa32PerfGlobalCtrl);
  }

  protected writeEntryControls(): void {
    this.writeDefaultControls('entry');
    this.enable('entry', EntryControl.LoadDebugControls);
    if ((this.guestState.ia32Efer & BigInt(Efer.Lma)) !== 0n) this.enable('entry', EntryControl.Ia32eModeGuest);
    this.enable('entry', EntryControl.LoadIa32Pat);
    this.enable('entry', EntryControl.LoadIa32Efer);
    this.keepFeature('perfGlobalCtrl', 'entry', EntryControl.LoadIa32PerfGlobalCtrl);
  }
}
