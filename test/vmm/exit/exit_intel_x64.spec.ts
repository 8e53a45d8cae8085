// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { startedVmm } from '../started_vmm.js';

function guest() {
  const { machine } = startedVmm();
  const set = (encoding: number, value: bigint): unknown => machine.fields.set(encoding, value);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  return { machine, set, field };
}

describe('ExitIntelX64', () => {
  describe('.advance', () => {
    const steps: [string, bigint, bigint, bigint][] = [
      ['carries into the upper half in 64-bit code', 0xa09bn, 0xffff8000_ffffffffn, 0xffff8001_00000001n],
      ['wraps at 32 bits outside 64-bit code', 0xc09bn, 0x00000000_ffffffffn, 0x1n],
      ['just adds otherwise', 0xa09bn, 0x401000n, 0x401002n],
    ];
    for (const [what, rights, before, after] of steps) {
      it(what, () => {
        const { machine, set, field } = guest();
        set(VmcsField.GuestCsAccessRights, rights);
        set(VmcsField.GuestRip, before);
        machine.exit(ExitReason.Cpuid);
        expect(field(VmcsField.GuestRip)).to.equal(after);
      });
    }

    it('ends blocking by STI and MOV SS, and keeps that by NMI', () => {
      const { machine, set, field } = guest();
      set(VmcsField.GuestInterruptibilityState, 0xbn);
      machine.exit(ExitReason.Cpuid);
      expect(field(VmcsField.GuestInterruptibilityState)).to.equal(0x8n);
    });

    it('lets a trap flag trap after the instruction', () => {
      const { machine, set, field } = guest();
      machine.exit(ExitReason.Cpuid);
      expect(field(VmcsField.GuestPendingDebugExceptions)).to.equal(0n);
      set(VmcsField.GuestRflags, 0x102n);
      machine.exit(ExitReason.Cpuid);
      expect(field(VmcsField.GuestPendingDebugExceptions)).to.equal(0x4000n);
    });
  });

  describe('.inject', () => {
    it('gives no error code to a guest in real-address mode, which VM entry would refuse', () => {
      for (const [cr0, information] of [
        [0x30n, 0x8000030dn],
        [0x31n, 0x80000b0dn],
      ] as const) {
        const { machine, set, field } = guest();
        set(VmcsField.GuestCr0, cr0);
        machine.generalRegisters.values[1] = 0x480n;
        machine.exit(ExitReason.Rdmsr); // #GP(0): VMX is hidden
        expect(field(VmcsField.VmEntryInterruptionInformationField)).to.equal(information);
      }
    });
  });

  describe('an event whose delivery the exit interrupted', () => {
    it('is delivered again, with error code and length', () => {
      const { machine, field } = guest();
      machine.exit(ExitReason.Wbinvd, {
        length: 2,
        fields: { [VmcsField.IdtVectoringInformation]: 0x80001b0en, [VmcsField.IdtVectoringErrorCode]: 4n },
      });
      expect(field(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000b0en);
      expect(field(VmcsField.VmEntryExceptionErrorCode)).to.equal(4n);
      expect(field(VmcsField.VmEntryInstructionLength)).to.equal(2n);
    });

    it('gives way to what the handler injects', () => {
      const { machine, field } = guest();
      machine.exit(ExitReason.Getsec, { fields: { [VmcsField.IdtVectoringInformation]: 0x80000b0en } });
      expect(field(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000306n);
    });
  });
});
