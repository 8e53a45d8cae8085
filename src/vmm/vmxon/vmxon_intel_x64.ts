// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { X64 } from '../../intrinsics/registers/paging.js';
import { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import { MsrAccessors } from '../../intrinsics/accessors/msr_accessors.js';
import { RegisterAccessors } from '../../intrinsics/accessors/register_accessors.js';
import { MemoryType } from '../../intrinsics/registers/registers.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { Vmx } from '../../intrinsics/instructions/vmx.js';
import { VmxError, VmxonError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { bfdebug, bfwarning } from '../output/output.js';
import { state } from '../state/state.js';
import { withRollback } from '../support/rollback.js';
import { hex } from '../support/text.js';
import type { Vmxon } from './vmxon.js';

/** VMXON and VMXOFF with every check that the SDM names before them. */
@injectable()
export class VmxonIntelX64 implements Vmxon {
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(MsrAccessors) protected readonly msrs!: MsrAccessors;
  @inject(CpuidAccessors) protected readonly cpuid!: CpuidAccessors;
  @inject(RegisterAccessors) protected readonly registers!: RegisterAccessors;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @state() private region = 0n;
  @state() private on = false;

  get isOn(): boolean {
    return this.on;
  }

  start(): void {
    if (this.registers.cr4.vmxEnableBit.isEnabled()) {
      throw new VmxonError(
        'vmxon already enabled: CR4.VMXE is set, so another hypervisor, or this VMM, owns the processor',
      );
    }
    this.checkCpuid();
    this.checkVmxBasic();
    const { ia32VmxCr0Fixed0, ia32VmxCr0Fixed1, ia32VmxCr4Fixed0, ia32VmxCr4Fixed1 } = this.msrs;
    this.checkFixedBits('CR0', this.registers.cr0.get(), ia32VmxCr0Fixed0.get(), ia32VmxCr0Fixed1.get());
    this.checkFeatureControl();
    this.checkVirtual8086();
    withRollback((rollback) => {
      this.createRegion();
      rollback.onFailure(() => this.releaseRegion());
      this.setVmxe();
      rollback.onFailure(() => this.clearVmxe());
      this.checkFixedBits('CR4', this.registers.cr4.get(), ia32VmxCr4Fixed0.get(), ia32VmxCr4Fixed1.get());
      this.executeVmxon();
    });
  }

  stop(): void {
    if (!this.on) {
      bfwarning`vmxoff: VMX operation is not on`;
      return;
    }
    if (!this.vmx.vmxoff())
      throw new VmxError('VMXOFF failed: another monitor handles SMIs, or this processor is not in VMX root operation');
    this.on = false;
    this.clearVmxe();
    this.releaseRegion();
  }

  /** CPUID.1:ECX.VMX. */
  protected checkCpuid(): void {
    if (this.cpuid.featureInformation.ecx.vmx.isDisabled()) {
      throw new VmxonError('vmx unsupported: CPUID.1:ECX bit 5 is 0, this processor has no VMX');
    }
  }

  /** SDM 3D "Basic VMX Information". */
  protected checkVmxBasic(): void {
    const basic = this.msrs.ia32VmxBasic;
    if (basic.physicalAddressWidth.isEnabled()) {
      throw new VmxonError(
        `invalid physical address width: IA32_VMX_BASIC = ${hex(basic.get())}, bit 48 must be 0 on a 64-bit processor`,
      );
    }
    const memoryType = Number(basic.memoryType.get());
    if (memoryType !== MemoryType.WriteBack) {
      throw new VmxonError(`invalid memory type: IA32_VMX_BASIC bits 53:50 = ${memoryType}, wanted 6 (write-back)`);
    }
    if (basic.trueBasedControls.isDisabled()) {
      throw new VmxonError(
        `invalid vmx capabilities: IA32_VMX_BASIC = ${hex(basic.get())}, bit 55 (true controls) must be 1`,
      );
    }
  }

  /** SDM 3D "VMX-Fixed Bits in CR0", "VMX-Fixed Bits in CR4". */
  protected checkFixedBits(name: 'CR0' | 'CR4', value: bigint, fixed0: bigint, fixed1: bigint): void {
    const missing = fixed0 & ~value;
    const excess = value & ~fixed1;
    if (missing === 0n && excess === 0n) return;
    throw new VmxonError(
      `invalid ${name.toLowerCase()}: ${name} = ${hex(value)}; VMX operation wants bits ${hex(missing)} set and bits ${hex(excess)} clear (IA32_VMX_${name}_FIXED0, FIXED1)`,
    );
  }

  /** SDM 3C "Enabling and Entering VMX Operation". */
  protected checkFeatureControl(): void {
    const { ia32FeatureControl } = this.msrs;
    if (ia32FeatureControl.lockBit.isDisabled()) {
      ia32FeatureControl.enableVmxOutsideSmx.enable();
      // Last: from now on a write is #GP.
      ia32FeatureControl.lockBit.enable();
      return;
    }
    if (ia32FeatureControl.enableVmxOutsideSmx.isDisabled()) {
      throw new VmxonError(
        `vmx is disabled by the firmware: IA32_FEATURE_CONTROL = ${hex(ia32FeatureControl.get())} is locked without VMX outside SMX; enable VT-x in the firmware's set-up`,
      );
    }
  }

  /** VMXON in virtual-8086 mode is #UD. */
  protected checkVirtual8086(): void {
    if (this.registers.rflags.virtual8086Mode.isEnabled()) {
      throw new VmxonError('the processor is in virtual-8086 mode: RFLAGS.VM is 1, VMXON wants 64-bit mode');
    }
  }

  private createRegion(): void {
    this.region = this.manager.alloc(X64.pageSize, 'structure');
    this.memory.write32(this.region, Number(this.msrs.ia32VmxBasic.revisionId.get()));
  }

  private releaseRegion(): void {
    this.manager.free(this.region);
    this.region = 0n;
  }

  private setVmxe(): void {
    this.registers.cr4.vmxEnableBit.enable();
    if (this.registers.cr4.vmxEnableBit.isDisabled()) {
      throw new VmxonError('failed to enable vmxon: CR4.VMXE reads 0 after it was set');
    }
  }

  private clearVmxe(): void {
    this.registers.cr4.vmxEnableBit.disable();
    if (this.registers.cr4.vmxEnableBit.isEnabled()) {
      throw new VmxonError('failed to disable vmxon: CR4.VMXE reads 1 after it was cleared');
    }
  }

  private executeVmxon(): void {
    const physical = this.manager.virtualToPhysical(this.region);
    if (!this.vmx.vmxon(physical)) {
      throw new VmxError(
        `VMXON failed: region ${hex(physical)} is misaligned, beyond the physical-address width or without the VMCS revision id`,
      );
    }
    this.on = true;
    bfdebug`vmxon: success`;
  }
}
