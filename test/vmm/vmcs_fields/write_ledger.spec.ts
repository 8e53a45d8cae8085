// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { WriteLedger } from '../../../src/vmm/vmcs_fields/write_ledger.js';

const all = 0xffffffffffffffffn;

/** A ledger, as a function that notes what a writer writes. */
function ledgerOf(): (writer: string, field: number, mask: bigint, value: bigint) => void {
  const ledger = new WriteLedger();
  return (writer, field, mask, value) => ledger.as(writer, () => ledger.note(field, mask, value));
}

describe('WriteLedger', () => {
  it('refuses different values of two contributions, naming both and the field', () => {
    const note = ledgerOf();
    note('a', VmcsField.TscOffset, all, 1n);
    expect(() => note('b', VmcsField.TscOffset, all, 2n)).to.throw(
      VmcsError,
      /'a' and 'b' give TSC_OFFSET \(0x2010\) different values: 0x1 and 0x2/,
    );
  });

  it('lets two agree, one change its mind, and different bits be set', () => {
    const note = ledgerOf();
    note('a', VmcsField.TscOffset, all, 1n);
    note('b', VmcsField.TscOffset, all, 1n);
    note('a', VmcsField.ExceptionBitmap, 1n, 1n);
    note('a', VmcsField.ExceptionBitmap, 1n, 0n);
    note('b', VmcsField.ExceptionBitmap, 2n, 2n);
  });
});
