// SPDX-License-Identifier: LGPL-2.1-only
// The host-state area of a VMCS, group by group. SDM 3C "Host-State Area".
import { unsignedBits } from '../support/unsigned_bits.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { VmcsFields } from '../vmcs_fields/vmcs_fields.js';
import type { VmcsState } from '../vmm_state/vmcs_state.js';

/** Where a VM exit continues, which differs from launch to launch. */
export interface HostPoint {
  readonly rip: bigint;
  readonly rsp: bigint;
  /** GS names the page of the vCPU's `StateSave`. */
  readonly gsBase: bigint;
}

export function writeHost16BitFields(vmcs: VmcsFields, state: VmcsState): void {
  const { es, cs, ss, ds, fs, gs, tr } = state.segments;
  [es, cs, ss, ds, fs, gs, tr].forEach((segment, index) =>
    vmcs.write(VmcsField.HostEsSelector + 2 * index, BigInt(segment.selector)),
  );
}

export function writeHost64BitFields(vmcs: VmcsFields, state: VmcsState): void {
  vmcs.hostIa32Pat.setIfExists(state.ia32Pat);
  vmcs.hostIa32Efer.setIfExists(state.ia32Efer);
  vmcs.hostIa32PerfGlobalCtrl.setIfExists(state.ia32PerfGlobalCtrl);
}

export function writeHost32BitFields(vmcs: VmcsFields, state: VmcsState): void {
  vmcs.hostIa32SysenterCs.set(unsignedBits(32, state.ia32SysenterCs));
}

export function writeHostNaturalFields(vmcs: VmcsFields, state: VmcsState, point: HostPoint): void {
  vmcs.hostCr0.set(state.cr0);
  vmcs.hostCr3.set(state.cr3);
  vmcs.hostCr4.set(state.cr4);
  vmcs.hostFsBase.set(state.segments.fs.base);
  vmcs.hostGsBase.set(point.gsBase);
  vmcs.hostTrBase.set(state.segments.tr.base);
  vmcs.hostGdtrBase.set(state.gdt.base);
  vmcs.hostIdtrBase.set(state.idt.base);
  vmcs.hostIa32SysenterEsp.set(state.ia32SysenterEsp);
  vmcs.hostIa32SysenterEip.set(state.ia32SysenterEip);
  vmcs.hostRsp.set(point.rsp);
  vmcs.hostRip.set(point.rip);
}
