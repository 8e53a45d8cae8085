// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import type { PartModule } from '../../../src/vmm/container/part_module.js';
import { onExit } from '../machine_vmm.js';
import { startedVmm } from '../started_vmm.js';

function guest(modules: readonly PartModule[]) {
  const { machine } = startedVmm(modules);
  const set = (encoding: number, value: bigint): unknown => machine.fields.set(encoding, value);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  return { machine, set, field };
}

describe('The state in which an event finds the guest', () => {
  const [sti, movSs, nmi, hlt, shutdown, waitForSipi] = [1n, 2n, 8n, 1n, 2n, 3n];
  const [bs, b0] = [0x4000n, 0x1001n];
  /** Information of the injected event; interruptibility, activity and pending debug exceptions before; interruptibility and activity after. */
  const cases: [string, number, bigint, bigint, bigint, bigint, bigint][] = [
    ['#DB wakes from HLT', 0x80000301, 0n, hlt, 0n, 0n, 0n],
    ['#DB after STI', 0x80000301, sti, 0n, 0n, 0n, 0n],
    ['#DB after MOV SS', 0x80000301, movSs, 0n, b0, 0n, 0n],
    ['INT1 after MOV SS', 0x80000501, movSs, 0n, 0n, 0n, 0n],
    ['INT3 after STI', 0x80000603, sti, 0n, bs, 0n, 0n],
    ['INT3 after MOV SS without pending debug exceptions', 0x80000603, movSs, 0n, 0n, 0n, 0n],
    ['INT3 after MOV SS, with pending debug exceptions', 0x80000603, movSs, 0n, b0, movSs, 0n],
    ['INT n after MOV SS, with pending debug exceptions', 0x80000430, movSs, 0n, bs, movSs, 0n],
    ['an interrupt after STI and HLT', 0x80000020, sti, hlt, 0n, 0n, 0n],
    ['a fault in an NMI handler', 0x8000030d, nmi | sti, 0n, 0n, nmi, 0n],
    ['an NMI whose delivery blocked NMIs', 0x80000202, nmi, hlt, 0n, 0n, 0n],
    ['#MC wakes from shutdown', 0x80000312, 0n, shutdown, 0n, 0n, 0n],
    ['nothing wakes from wait-for-SIPI', 0x80000301, 0n, waitForSipi, 0n, 0n, waitForSipi],
    ['a pending MTF VM exit is not delivered to the guest', 0x80000700, sti, hlt, bs, sti, hlt],
  ];
  for (const [what, information, blocking, activity, pending, blockingAfter, activityAfter] of cases) {
    it(what, () => {
      const injecting = onExit('injecting', [ExitReason.EptViolation], (exit) => {
        exit.injectEvent(information | 0, 0, 1);
        return true;
      });
      const { machine, set, field } = guest([injecting]);
      set(VmcsField.GuestInterruptibilityState, blocking);
      set(VmcsField.GuestActivityState, activity);
      set(VmcsField.GuestPendingDebugExceptions, pending);
      machine.exit(ExitReason.EptViolation);
      expect(field(VmcsField.GuestInterruptibilityState)).to.equal(blockingAfter);
      expect(field(VmcsField.GuestActivityState)).to.equal(activityAfter);
    });
  }

  it('holds for an NMI that is delivered again', () => {
    const { machine, set, field } = guest([onExit('resolving', [ExitReason.EptViolation], () => true)]);
    set(VmcsField.GuestInterruptibilityState, nmi);
    machine.exit(ExitReason.EptViolation, { fields: { [VmcsField.IdtVectoringInformation]: 0x80000202n } });
    expect(field(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000202n);
    expect(field(VmcsField.GuestInterruptibilityState)).to.equal(0n);
  });

  it('holds for a debug exception that a contribution keeps from the guest', () => {
    for (const [information, blockingAfter, activityAfter] of [
      [0x80000301n, nmi, 0n], // #DB: the exit left the state as it was
      [0x80000306n, nmi | sti, hlt], // others save BS
    ] as const) {
      const keeping = onExit('keeping', [ExitReason.ExceptionOrNonMaskableInterrupt], () => true);
      const { machine, set, field } = guest([keeping]);
      set(VmcsField.GuestInterruptibilityState, nmi | sti);
      set(VmcsField.GuestActivityState, hlt);
      const fields = { [VmcsField.VmExitInterruptionInformation]: information };
      machine.exit(ExitReason.ExceptionOrNonMaskableInterrupt, { fields });
      expect(field(VmcsField.GuestInterruptibilityState)).to.equal(blockingAfter);
      expect(field(VmcsField.GuestActivityState)).to.equal(activityAfter);
    }
  });
});
