// SPDX-License-Identifier: LGPL-2.1-only
// The guest-state area of a VMCS, group by group. SDM 3C "Guest-State Area".
import { unsignedBits } from '../support/unsigned_bits.js';
import { segmentNames } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { VmcsFields } from '../vmcs_fields/vmcs_fields.js';
import type { VmcsState } from '../vmm_state/vmcs_state.js';

export function writeGuest16BitFields(vmcs: VmcsFields, state: VmcsState): void {
  // The selectors' encodings follow the SDM's order of segments, as do limits, rights and bases below.
  segmentNames.forEach((name, index) =>
    vmcs.write(VmcsField.GuestEsSelector + 2 * index, BigInt(state.segments[name].selector)),
  );
}

export function writeGuest64BitFields(vmcs: VmcsFields, state: VmcsState): void {
  vmcs.vmcsLinkPointer.set(0xffffffffffffffffn);
  vmcs.guestIa32Debugctl.set(state.ia32Debugctl);
  vmcs.guestIa32Pat.setIfExists(state.ia32Pat);
  vmcs.guestIa32Efer.setIfExists(state.ia32Efer);
  vmcs.guestIa32PerfGlobalCtrl.setIfExists(state.ia32PerfGlobalCtrl);
}

export function writeGuest32BitFields(vmcs: VmcsFields, state: VmcsState): void {
  segmentNames.forEach((name, index) => {
    const segment = state.segments[name];
    vmcs.write(VmcsField.GuestEsLimit + 2 * index, BigInt(segment.limit));
    vmcs.write(VmcsField.GuestEsAccessRights + 2 * index, BigInt(segment.accessRights));
  });
  vmcs.guestGdtrLimit.set(BigInt(state.gdt.limit));
  vmcs.guestIdtrLimit.set(BigInt(state.idt.limit));
  vmcs.guestInterruptibilityState.set(0n);
  vmcs.guestActivityState.set('active');
  // The field has 32 bits of the MSR's 64. SDM 3C "Guest Register State".
  vmcs.guestIa32SysenterCs.set(unsignedBits(32, state.ia32SysenterCs));
}

export function writeGuestNaturalFields(vmcs: VmcsFields, state: VmcsState): void {
  vmcs.guestCr0.set(state.cr0);
  vmcs.guestCr3.set(state.cr3);
  vmcs.guestCr4.set(state.cr4);
  segmentNames.forEach((name, index) => vmcs.write(VmcsField.GuestEsBase + 2 * index, state.segments[name].base));
  vmcs.guestGdtrBase.set(state.gdt.base);
  vmcs.guestIdtrBase.set(state.idt.base);
  vmcs.guestDr7.set(state.dr7);
  vmcs.guestRsp.set(state.rsp);
  vmcs.guestRip.set(state.rip);
  vmcs.guestRflags.set(state.rflags);
  vmcs.guestPendingDebugExceptions.set(0n);
  vmcs.guestIa32SysenterEsp.set(state.ia32SysenterEsp);
  vmcs.guestIa32SysenterEip.set(state.ia32SysenterEip);
}
