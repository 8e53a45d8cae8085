// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl, PinBasedControl as Pin, SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import {
  ActivityState,
  Debugctl,
  InterruptibilityState as Blocking,
  PendingDebugExceptions as Pending,
  Rflags,
} from '../../../src/intrinsics/registers/registers.js';
import { VmcsField as F } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { type FakeVmcs, validVmcs } from '../../support/valid_vmcs.js';
import { RuleCases } from './rule_cases.js';

const cases = new RuleCases();
const { breaks, keeps } = { breaks: cases.breaks.bind(cases), keeps: cases.keeps.bind(cases) };
const ACTIVITY = F.GuestActivityState;
const BLOCKING = F.GuestInterruptibilityState;
const INJECTION = F.VmEntryInterruptionInformationField;
const EXTERNAL = 0x80000020;
const NMI = 0x80000202;

const enabled = (): FakeVmcs => validVmcs().on(F.GuestRflags, Rflags.InterruptEnableFlag);
const hlt = (): FakeVmcs => enabled().set(ACTIVITY, ActivityState.Hlt);
const shutdown = (): FakeVmcs => enabled().set(ACTIVITY, ActivityState.Shutdown);
const waiting = (): FakeVmcs => enabled().set(ACTIVITY, ActivityState.WaitForSipi);
const smm = (): FakeVmcs => Object.assign(validVmcs().set(BLOCKING, Blocking.BlockingBySmi), { inSmm: true });
const enteringSmm = (): FakeVmcs => smm().on(F.VmEntryControls, EntryControl.EntryToSmm);

// Activity state.
breaks('guestValidActivityState', 'state 4', validVmcs, (v) => v.set(ACTIVITY, 4));
for (const [state, bit] of [
  [ActivityState.Hlt, 6n],
  [ActivityState.Shutdown, 7n],
  [ActivityState.WaitForSipi, 8n],
] as const) {
  keeps('guestValidActivityState', `state ${state}`, validVmcs, (v) => v.set(ACTIVITY, state));
  breaks('guestValidActivityState', `state ${state} that is not supported`, validVmcs, (v) => {
    v.capabilities.set(Msr.Ia32VmxMisc, 0x7004c1e7n & ~(1n << bit));
    v.set(ACTIVITY, state);
  });
}
breaks(
  'guestActivityStateNotHltWhenDplNot0',
  'HLT at CPL 3',
  () =>
    validVmcs()
      .set(F.GuestCsSelector, 0x33)
      .set(F.GuestCsAccessRights, 0xa0fb)
      .set(F.GuestSsSelector, 0x2b)
      .set(F.GuestSsAccessRights, 0xc0f3),
  (v) => v.set(ACTIVITY, ActivityState.Hlt),
);
breaks('guestMustBeActiveIfInjectingBlockingState', 'blocking by STI in HLT', hlt, (v) =>
  v.set(BLOCKING, Blocking.BlockingBySti),
);
breaks('guestMustBeActiveIfInjectingBlockingState', 'blocking by MOV SS in shutdown', shutdown, (v) =>
  v.set(BLOCKING, Blocking.BlockingByMovSs),
);
breaks('guestHltValidInterrupts', '#GP', hlt, (v) => v.set(INJECTION, 0x80000b0d));
breaks(
  'guestHltValidInterrupts',
  'a software interrupt',
  () => hlt().set(F.VmEntryInstructionLength, 2),
  (v) => v.set(INJECTION, 0x80000430),
);
for (const [what, information] of [
  ['an external interrupt', EXTERNAL],
  ['an NMI', NMI],
  ['#DB', 0x80000301],
  ['#MC', 0x80000312],
  ['a pending MTF VM exit', 0x80000700],
] as const) {
  keeps('guestHltValidInterrupts', what, hlt, (v) => v.set(INJECTION, information));
}
keeps('guestHltValidInterrupts', '#GP while active', enabled, (v) => v.set(INJECTION, 0x80000b0d));
breaks('guestShutdownValidInterrupts', 'an external interrupt', shutdown, (v) => v.set(INJECTION, EXTERNAL));
breaks('guestShutdownValidInterrupts', '#DB', shutdown, (v) => v.set(INJECTION, 0x80000301));
keeps('guestShutdownValidInterrupts', 'an NMI', shutdown, (v) => v.set(INJECTION, NMI));
keeps('guestShutdownValidInterrupts', '#MC', shutdown, (v) => v.set(INJECTION, 0x80000312));
breaks('guestSipiValidInterrupts', 'an NMI', waiting, (v) => v.set(INJECTION, NMI));
breaks('guestValidActivityStateAndSmm', 'wait-for-SIPI', enteringSmm, (v) =>
  v.set(ACTIVITY, ActivityState.WaitForSipi),
);

// Interruptibility state.
breaks('guestInterruptibilityStateReserved', 'bit 5', validVmcs, (v) => v.set(BLOCKING, 0x20));
breaks('guestInterruptibilityStateReserved', 'bit 31', validVmcs, (v) => v.set(BLOCKING, 0x80000000));
breaks('guestInterruptibilityStateStiMovSs', 'both', enabled, (v) =>
  v.set(BLOCKING, Blocking.BlockingBySti | Blocking.BlockingByMovSs),
);
breaks('guestInterruptibilityStateSti', 'IF 0', validVmcs, (v) => v.set(BLOCKING, Blocking.BlockingBySti));
keeps('guestInterruptibilityStateSti', 'IF 1', enabled, (v) => v.set(BLOCKING, Blocking.BlockingBySti));
for (const blocking of [Blocking.BlockingBySti, Blocking.BlockingByMovSs]) {
  breaks(
    'guestInterruptibilityStateExternalInterrupt',
    `blocking ${blocking}`,
    () => enabled().set(BLOCKING, blocking),
    (v) => v.set(INJECTION, EXTERNAL),
  );
}
breaks(
  'guestInterruptibilityStateNmi',
  'blocking by MOV SS',
  () => validVmcs().set(BLOCKING, Blocking.BlockingByMovSs),
  (v) => v.set(INJECTION, NMI),
);
breaks('guestInterruptibilityNotInSmm', 'outside SMM', validVmcs, (v) => v.set(BLOCKING, Blocking.BlockingBySmi));
keeps('guestInterruptibilityNotInSmm', 'in SMM', smm, () => undefined);
breaks('guestInterruptibilityEntryToSmm', 'no blocking by SMI', enteringSmm, (v) => v.set(BLOCKING, 0));
breaks(
  'guestInterruptibilityStateStiAndNmi',
  'blocking by STI',
  () => enabled().set(BLOCKING, Blocking.BlockingBySti),
  (v) => v.set(INJECTION, NMI),
);
const virtualNmis = (): FakeVmcs =>
  validVmcs()
    .on(F.PinBasedVmExecutionControls, Pin.NmiExiting | Pin.VirtualNmis)
    .set(BLOCKING, Blocking.BlockingByNmi);
breaks('guestInterruptibilityStateVirtualNmi', 'an NMI', virtualNmis, (v) => v.set(INJECTION, NMI));
keeps('guestInterruptibilityStateVirtualNmi', 'no NMI', virtualNmis, () => undefined);
keeps('guestInterruptibilityStateVirtualNmi', 'an NMI without virtual NMIs', validVmcs, (v) =>
  v.set(BLOCKING, Blocking.BlockingByNmi).set(INJECTION, NMI),
);
breaks('guestInterruptibilityStateEnclaveInterrupt', 'no SGX', validVmcs, (v) =>
  v.set(BLOCKING, Blocking.EnclaveInterruption),
);
const sgx = (): FakeVmcs => {
  const vmcs = validVmcs().set(BLOCKING, Blocking.EnclaveInterruption);
  vmcs.features.add('sgx');
  return vmcs;
};
breaks('guestInterruptibilityStateEnclaveInterrupt', 'blocking by MOV SS', sgx, (v) =>
  v.on(BLOCKING, Blocking.BlockingByMovSs),
);

// Pending debug exceptions.
const PENDING = F.GuestPendingDebugExceptions;
breaks('guestPendingDebugExceptionsReserved', 'bit 4', validVmcs, (v) => v.set(PENDING, 0x10));
breaks('guestPendingDebugExceptionsReserved', 'bit 11', validVmcs, (v) => v.set(PENDING, Pending.BusLock));
breaks('guestPendingDebugExceptionsReserved', 'bit 32', validVmcs, (v) => v.set(PENDING, 1n << 32n));
keeps('guestPendingDebugExceptionsReserved', 'bit 11 with bus-lock detection', validVmcs, (v) => {
  v.features.add('busLockDetect');
  v.set(PENDING, Pending.BusLock);
});
keeps('guestPendingDebugExceptionsReserved', 'B0 to B3, enabled breakpoint, BS', validVmcs, (v) =>
  v.set(PENDING, 0x500f),
);
const shadowed = (): FakeVmcs => enabled().set(BLOCKING, Blocking.BlockingBySti);
breaks('guestPendingDebugExceptionsDbgCtl', 'TF 1, BS 0', shadowed, (v) => v.on(F.GuestRflags, Rflags.TrapFlag));
breaks('guestPendingDebugExceptionsDbgCtl', 'TF 0, BS 1', shadowed, (v) => v.set(PENDING, Pending.BS));
breaks('guestPendingDebugExceptionsDbgCtl', 'TF 0, BS 1 in HLT', hlt, (v) => v.set(PENDING, Pending.BS));
breaks(
  'guestPendingDebugExceptionsDbgCtl',
  'TF 1, BTF 1, BS 1',
  () => shadowed().on(F.GuestRflags, Rflags.TrapFlag).set(PENDING, Pending.BS),
  (v) => v.set(F.GuestIa32Debugctl, Debugctl.Btf),
);
keeps('guestPendingDebugExceptionsDbgCtl', 'TF 1, BS 1', shadowed, (v) =>
  v.on(F.GuestRflags, Rflags.TrapFlag).set(PENDING, Pending.BS),
);
keeps('guestPendingDebugExceptionsDbgCtl', 'TF 1, BS 0, nothing held back', validVmcs, (v) =>
  v.on(F.GuestRflags, Rflags.TrapFlag),
);
const rtm = (): FakeVmcs => {
  const vmcs = validVmcs().set(PENDING, Pending.Rtm | Pending.EnabledBreakpoint);
  vmcs.features.add('rtm');
  return vmcs;
};
breaks('guestPendingDebugExceptionsRtm', 'bit 12 is 0', rtm, (v) => v.off(PENDING, Pending.EnabledBreakpoint));
breaks('guestPendingDebugExceptionsRtm', 'B0', rtm, (v) => v.on(PENDING, Pending.B0));
breaks('guestPendingDebugExceptionsRtm', 'BS', rtm, (v) => v.on(PENDING, Pending.BS));
breaks('guestPendingDebugExceptionsRtm', 'a processor without RTM', rtm, (v) => v.features.clear());
breaks('guestPendingDebugExceptionsRtm', 'blocking by MOV SS', rtm, (v) => v.set(BLOCKING, Blocking.BlockingByMovSs));

// VMCS link pointer.
const LINK = F.VmcsLinkPointer;
const linked = (): FakeVmcs => {
  const vmcs = validVmcs().set(LINK, 0x8000);
  vmcs.memory.set(0x8000, 4);
  vmcs.memory.set(0x7000, 4);
  return vmcs;
};
breaks('guestVmcsLinkPointerBits110', 'unaligned', linked, (v) => v.set(LINK, 0x8001));
breaks('guestVmcsLinkPointerValidAddr', 'beyond the width', linked, (v) => v.set(LINK, 1n << 39n));
breaks('guestVmcsLinkPointerFirstWord', 'another revision', linked, (v) => v.memory.set(0x8000, 5));
breaks('guestVmcsLinkPointerFirstWord', 'a shadow VMCS without shadowing', linked, (v) =>
  v.memory.set(0x8000, 0x80000004),
);
breaks('guestVmcsLinkPointerFirstWord', 'no shadow VMCS with shadowing', linked, (v) =>
  v.secondary(SecondaryControl.VmcsShadowing),
);
keeps('guestVmcsLinkPointerFirstWord', 'a shadow VMCS with shadowing', linked, (v) => {
  v.secondary(SecondaryControl.VmcsShadowing);
  v.memory.set(0x8000, 0x80000004);
});
breaks('guestVmcsLinkPointerNotInSmm', 'the current VMCS', linked, (v) => v.set(LINK, 0x7000));
const linkedInSmm = (): FakeVmcs => Object.assign(linked().set(BLOCKING, Blocking.BlockingBySmi), { inSmm: true });
keeps('guestVmcsLinkPointerNotInSmm', 'the current VMCS in SMM', linkedInSmm, (v) => v.set(LINK, 0x7000));
breaks(
  'guestVmcsLinkPointerNotInSmm',
  'the current VMCS on entry to SMM',
  () => linkedInSmm().on(F.VmEntryControls, EntryControl.EntryToSmm),
  (v) => v.set(LINK, 0x7000),
);
breaks('guestVmcsLinkPointerInSmm', 'the executive VMCS', linkedInSmm, (v) => v.set(F.ExecutiveVmcsPointer, 0x8000));
keeps('guestVmcsLinkPointerInSmm', 'the executive VMCS outside SMM', linked, (v) =>
  v.set(F.ExecutiveVmcsPointer, 0x8000),
);
keeps(
  'guestVmcsLinkPointerInSmm',
  'the executive VMCS on entry to SMM',
  () => linkedInSmm().on(F.VmEntryControls, EntryControl.EntryToSmm),
  (v) => v.set(F.ExecutiveVmcsPointer, 0x8000),
);
keeps('guestVmcsLinkPointerInSmm', 'no link', smm, (v) => v.set(F.ExecutiveVmcsPointer, 0xffffffffffffffffn));

/** Mutations of the guest's non-register state. */
export const guestNonRegisterCases = cases.list;
