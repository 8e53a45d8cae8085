// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason, ExitReasonBit } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { EXITS_REMEMBERED, ExitHistory } from '../../../src/machine/processor/exit_history.js';
import { slotCount, slotOf } from '../../../src/machine/vmx/vmcs/field_slots.js';

const fields = new Int32Array(2 * slotCount);
const put = (field: number, value: bigint): void => {
  fields[slotOf(field) << 1] = Number(BigInt.asIntN(32, value));
  fields[(slotOf(field) << 1) + 1] = Number(BigInt.asIntN(32, value >> 32n));
};

/** An exit at an RIP, as the VMCS has it. */
function exit(history: ExitHistory, rip: bigint, instructions: number): void {
  put(VmcsField.ExitReason, BigInt(ExitReason.Cpuid));
  put(VmcsField.GuestRip, rip);
  history.begin(fields, Uint32Array.of(0, instructions, 1), 1);
}

describe('ExitHistory', () => {
  it('is empty before the first exit', () => {
    expect(new ExitHistory().last()).to.deep.equal([]);
  });

  it('keeps all 64 bits of RIP, qualification and count of instructions, and all 32 of the reason', () => {
    const history = new ExitHistory();
    put(
      VmcsField.ExitReason,
      BigInt((ExitReasonBit.VmEntryFailure | ExitReason.VmEntryFailureInvalidGuestState) >>> 0),
    );
    put(VmcsField.GuestRip, 0xffffffff81000000n);
    put(VmcsField.ExitQualification, 0x80000001_80000002n);
    history.begin(fields, Uint32Array.of(0xfffffffe, 3), 0);
    expect(history.last()).to.deep.equal([
      {
        reason: (ExitReasonBit.VmEntryFailure | ExitReason.VmEntryFailureInvalidGuestState) >>> 0,
        rip: 0xffffffff81000000n,
        qualification: 0x80000001_80000002n,
        instructions: 3 * 2 ** 32 + 0xfffffffe,
        outcome: 0,
      },
    ]);
  });

  it('gives an outcome to the last exit only, and none to an exit that follows', () => {
    const history = new ExitHistory();
    exit(history, 1n, 1);
    history.end(0x10007);
    exit(history, 2n, 2);
    expect(history.last().map(({ outcome }) => outcome)).to.deep.equal([0x10007, 0]);
  });

  it('forgets the oldest, also after many rounds, and begins each record without an outcome', () => {
    const history = new ExitHistory();
    for (let number = 0; number < 3 * EXITS_REMEMBERED + 5; number++) {
      exit(history, BigInt(number), number);
      if (number < 3 * EXITS_REMEMBERED) history.end(1);
    }
    const last = history.last();
    expect(last.map(({ rip }) => Number(rip))).to.deep.equal(
      Array.from({ length: EXITS_REMEMBERED }, (_, index) => 2 * EXITS_REMEMBERED + 5 + index),
    );
    expect(last.filter(({ outcome }) => outcome === 0)).to.have.length(5);
  });
});
