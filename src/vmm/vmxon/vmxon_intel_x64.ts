// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { X64 } from '../../intrinsics/constants.js';
import { ControlRegisters } from '../../intrinsics/control_registers.js';
import { Cpuid } from '../../intrinsics/cpuid.js';
import { CpuidLeaf, FeatureInformationEcx } from '../../intrinsics/cpuid_leaves.js';
import { Msrs } from '../../intrinsics/msr.js';
import { FeatureControl, Msr, VmxBasicHigh } from '../../intrinsics/msr_definitions.js';
import { Cr4, MemoryType, Rflags } from '../../intrinsics/registers.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { Vmx } from '../../intrinsics/vmx.js';
import { VmxError, VmxonError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { bfdebug, bfwarning } from '../output/output.js';
import { withRollback } from '../support/rollback.js';
import { hex } from '../support/text.js';
import type { Vmxon } from './vmxon.js';

const vmxe = BigInt(Cr4.VmxEnableBit);

/** VMXON and VMXOFF with every check that the SDM names before them. */
@injectable()
export class VmxonIntelX64 implements Vmxon {
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(Cpuid) protected readonly cpuid!: Cpuid;
  @inject(ControlRegisters) protected readonly controlRegisters!: ControlRegisters;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  private region = 0n;
  private on = false;

  get isOn(): boolean {
    return this.on;
  }

  start(): void {
    if ((this.controlRegisters.readCr4() & vmxe) !== 0n) {
      throw new VmxonError(
        'vmxon already enabled: CR4.VMXE is set, so another hypervisor, or this VMM, owns the processor',
      );
    }
    this.checkCpuid();
    this.checkVmxBasic();
    this.checkFixedBits('CR0', this.controlRegisters.readCr0(), Msr.Ia32VmxCr0Fixed0, Msr.Ia32VmxCr0Fixed1);
    this.checkFeatureControl();
    this.checkVirtual8086();
    withRollback((rollback) => {
      this.createRegion();
      rollback.onFailure(() => this.releaseRegion());
      this.setVmxe();
      rollback.onFailure(() => this.clearVmxe());
      this.checkFixedBits('CR4', this.controlRegisters.readCr4(), Msr.Ia32VmxCr4Fixed0, Msr.Ia32VmxCr4Fixed1);
      this.executeVmxon();
    });
  }

  stop(): void {
    if (!this.on) {
      bfwarning`vmxoff: VMX operation is not on`;
      return;
    }
    if (!this.vmx.vmxoff())
      throw new VmxError(
        'VMXOFF failed: SMIs are treated by another monitor, or this processor is not in VMX root operation',
      );
    this.on = false;
    this.clearVmxe();
    this.releaseRegion();
  }

  /** CPUID.1:ECX.VMX. */
  protected checkCpuid(): void {
    const result = new Uint32Array(4);
    this.cpuid.cpuid(CpuidLeaf.FeatureInformation, 0, result);
    if ((result[2]! & FeatureInformationEcx.Vmx) === 0) {
      throw new VmxonError('vmx unsupported: CPUID.1:ECX bit 5 is 0, this processor has no VMX');
    }
  }

  /** SDM 3D "Basic VMX Information". */
  protected checkVmxBasic(): void {
    const basic = this.msrs.rdmsr(Msr.Ia32VmxBasic);
    const high = Number(basic >> 32n);
    if ((high & VmxBasicHigh.PhysicalAddressWidth) !== 0) {
      throw new VmxonError(
        `invalid physical address width: IA32_VMX_BASIC = ${hex(basic)}, bit 48 must be 0 on a 64-bit processor`,
      );
    }
    const memoryType = (high & VmxBasicHigh.MemoryType) >> 18;
    if (memoryType !== MemoryType.WriteBack) {
      throw new VmxonError(`invalid memory type: IA32_VMX_BASIC bits 53:50 = ${memoryType}, wanted 6 (write-back)`);
    }
    if ((high & VmxBasicHigh.TrueBasedControls) === 0) {
      throw new VmxonError(
        `invalid vmx capabilities: IA32_VMX_BASIC = ${hex(basic)}, bit 55 (true controls) must be 1`,
      );
    }
  }

  /** SDM 3D "VMX-Fixed Bits in CR0", "VMX-Fixed Bits in CR4". */
  protected checkFixedBits(name: 'CR0' | 'CR4', value: bigint, fixed0Msr: number, fixed1Msr: number): void {
    const missing = this.msrs.rdmsr(fixed0Msr) & ~value;
    const excess = value & ~this.msrs.rdmsr(fixed1Msr);
    if (missing === 0n && excess === 0n) return;
    throw new VmxonError(
      `invalid ${name.toLowerCase()}: ${name} = ${hex(value)}; VMX operation wants bits ${hex(missing)} set and bits ${hex(excess)} clear (IA32_VMX_${name}_FIXED0, FIXED1)`,
    );
  }

  /** SDM 3C "Enabling and Entering VMX Operation". */
  protected checkFeatureControl(): void {
    const value = this.msrs.rdmsr(Msr.Ia32FeatureControl);
    const wanted = BigInt(FeatureControl.LockBit | FeatureControl.EnableVmxOutsideSmx);
    if ((value & BigInt(FeatureControl.LockBit)) === 0n) {
      this.msrs.wrmsr(Msr.Ia32FeatureControl, value | wanted);
      return;
    }
    if ((value & BigInt(FeatureControl.EnableVmxOutsideSmx)) === 0n) {
      throw new VmxonError(
        `vmx is disabled by the firmware: IA32_FEATURE_CONTROL = ${hex(value)} is locked without VMX outside SMX; enable VT-x in the firmware's set-up`,
      );
    }
  }

  /** VMXON in virtual-8086 mode is #UD. */
  protected checkVirtual8086(): void {
    if ((this.controlRegisters.readRflags() & BigInt(Rflags.Virtual8086Mode)) !== 0n) {
      throw new VmxonError('the processor is in virtual-8086 mode: RFLAGS.VM is 1, VMXON wants 64-bit mode');
    }
  }

  private createRegion(): void {
    this.region = this.manager.alloc(X64.pageSize);
    this.memory.write32(this.region, Number(this.msrs.rdmsr(Msr.Ia32VmxBasic) & 0x7fffffffn));
  }

  private releaseRegion(): void {
    this.manager.free(this.region);
    this.region = 0n;
  }

  private setVmxe(): void {
    this.controlRegisters.writeCr4(this.controlRegisters.readCr4() | vmxe);
    if ((this.controlRegisters.readCr4() & vmxe) === 0n) {
      throw new VmxonError('failed to enable vmxon: CR4.VMXE reads 0 after it was set');
    }
  }

  private clearVmxe(): void {
    this.controlRegisters.writeCr4(this.controlRegisters.readCr4() & ~vmxe);
    if ((this.controlRegisters.readCr4() & vmxe) !== 0n) {
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
