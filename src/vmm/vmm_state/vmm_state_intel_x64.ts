// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import { MsrAccessors } from '../../intrinsics/accessors/msr_accessors.js';
import { PAT_VALUE } from '../memory_manager/memory_attributes.js';
import { Cr0, Cr4, Efer } from '../../intrinsics/registers/registers.js';
import type { SegmentName, TableRegister } from '../../intrinsics/instructions/segments.js';
import { RootPageTable } from '../memory_manager/root_page_table.js';
import { state } from '../state/state.js';
import type { SegmentState, VmcsState } from './vmcs_state.js';
import { VmmTables } from './vmm_tables.js';

const selectors: Readonly<Record<SegmentName, number>> = {
  es: 0,
  cs: 8,
  ss: 0x10,
  ds: 0,
  fs: 0x18,
  gs: 0x20,
  ldtr: 0,
  tr: 0x28,
};

const cr0Bits =
  Cr0.ProtectionEnable | Cr0.MonitorCoprocessor | Cr0.ExtensionType | Cr0.NumericError | Cr0.WriteProtect | Cr0.Paging;

const cr4Bits =
  Cr4.V8086ModeExtensions |
  Cr4.ProtectedModeVirtualInterrupts |
  Cr4.TimeStampDisable |
  Cr4.DebuggingExtensions |
  Cr4.PageSizeExtensions |
  Cr4.PhysicalAddressExtensions |
  Cr4.MachineCheckEnable |
  Cr4.PageGlobalEnable |
  Cr4.PerformanceMonitorCounterEnable |
  Cr4.Osfxsr |
  Cr4.Osxmmexcpt |
  Cr4.VmxEnableBit;

/** The VMM's own register state: flat segments, its own tables and page table. */
@injectable()
export class VmmStateIntelX64 implements VmcsState {
  @inject(VmmTables) protected readonly tables!: VmmTables;
  @inject(RootPageTable) protected readonly rootPageTable!: RootPageTable;
  @inject(CpuidAccessors) protected readonly cpuid!: CpuidAccessors;
  @inject(MsrAccessors) protected readonly msrs!: MsrAccessors;

  @state() segments!: Readonly<Record<SegmentName, SegmentState>>;
  @state() cr0 = 0n;
  @state() cr4 = 0n;
  readonly dr7 = 0n;
  readonly rflags = 0n;
  readonly ia32Debugctl = 0n;
  readonly ia32Pat = PAT_VALUE;
  readonly ia32Efer = BigInt(Efer.Lme | Efer.Lma | Efer.Nxe);
  readonly ia32PerfGlobalCtrl = 0n;
  readonly ia32SysenterCs = 0n;
  readonly ia32SysenterEsp = 0n;
  readonly ia32SysenterEip = 0n;
  readonly isGuest: boolean = false;
  readonly rip = 0n;
  readonly rsp = 0n;

  init(): void {
    const entries = Object.entries(selectors).map(([name, selector]) => [
      name,
      { selector, ...this.tables.segment(selector) },
    ]);
    this.segments = Object.fromEntries(entries) as Record<SegmentName, SegmentState>;
    // VMX operation fixes some bits. SDM 3D "VMX-Fixed Bits in CR0", "VMX-Fixed Bits in CR4".
    const { ia32VmxCr0Fixed0, ia32VmxCr0Fixed1, ia32VmxCr4Fixed0, ia32VmxCr4Fixed1 } = this.msrs;
    this.cr0 = (BigInt(cr0Bits >>> 0) | ia32VmxCr0Fixed0.get()) & ia32VmxCr0Fixed1.get();
    this.cr4 = (BigInt(cr4Bits | this.optionalCr4Bits()) | ia32VmxCr4Fixed0.get()) & ia32VmxCr4Fixed1.get();
  }

  get gdt(): TableRegister {
    return this.tables.gdt;
  }

  get idt(): TableRegister {
    return this.tables.idt;
  }

  get cr3(): bigint {
    return this.rootPageTable.cr3;
  }

  private optionalCr4Bits(): number {
    const { xsave } = this.cpuid.featureInformation.ecx;
    const { smep, smap } = this.cpuid.extendedFeatureFlags.subleaf0.ebx;
    return (
      (xsave.isEnabled() ? Cr4.Osxsave : 0) |
      (smep.isEnabledIfExists() ? Cr4.SmepEnableBit : 0) |
      (smap.isEnabledIfExists() ? Cr4.SmapEnableBit : 0)
    );
  }
}
