// SPDX-License-Identifier: LGPL-2.1-only
// Fields that are not controls but belong to them. SDM 3C "VM-Execution Control Fields".
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { Cr0, Cr4 } from '../../intrinsics/registers/registers.js';
import type { VmcsFields } from '../vmcs_fields/vmcs_fields.js';
import type { VmcsState } from '../vmm_state/vmcs_state.js';

export function writeControl32BitFields(vmcs: VmcsFields): void {
  vmcs.exceptionBitmap.set(0n);
  vmcs.pageFaultErrorCodeMask.set(0n);
  vmcs.pageFaultErrorCodeMatch.set(0n);
  vmcs.cr3TargetCount.set(0n);
  vmcs.vmExitMsrStoreCount.set(0n);
  vmcs.vmExitMsrLoadCount.set(0n);
  vmcs.vmEntryMsrLoadCount.set(0n);
  vmcs.vmEntryInterruptionInformationField.set(0n);
}

/**
 * The host owns the bits that VMX operation fixes. A guest that owns the processor from its first instruction writes CR4 without VMXE, and would get
 * #GP if the write reached the register. The guest owns PE and PG.
 */
export function writeControlNaturalFields(vmcs: VmcsFields, guest: VmcsState, msrs: Msrs): void {
  const paging = BigInt((Cr0.ProtectionEnable | Cr0.Paging) >>> 0);
  const vmxe = BigInt(Cr4.VmxEnableBit);
  vmcs.cr0GuestHostMask.set(msrs.rdmsr(Msr.Ia32VmxCr0Fixed0) & ~paging);
  vmcs.cr0ReadShadow.set(guest.cr0);
  vmcs.cr4GuestHostMask.set(msrs.rdmsr(Msr.Ia32VmxCr4Fixed0) | vmxe);
  vmcs.cr4ReadShadow.set(guest.cr4 & ~vmxe);
}
