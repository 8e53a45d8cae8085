// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs_fields.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { WriteLedger } from '../../../src/vmm/vmcs_fields/write_ledger.js';

const all = 0xffffffffffffffffn;

describe('WriteLedger', () => {
  it('refuses different values of two contributions, naming both and the field', () => {
    const ledger = new WriteLedger();
    ledger.note('a', VmcsField.TscOffset, all, 1n);
    expect(() => ledger.note('b', VmcsField.TscOffset, all, 2n)).to.throw(
      VmcsError,
      /'a' and 'b' give TSC_OFFSET \(0x2010\) different values: 0x1 and 0x2/,
    );
  });

  it('lets two agree, one change its mind, and different bits be set', () => {
    const ledger = new WriteLedger();
    ledger.note('a', VmcsField.TscOffset, all, 1n);
    ledger.note('b', VmcsField.TscOffset, all, 1n);
    ledger.note('a', VmcsField.ExceptionBitmap, 1n, 1n);
    ledger.note('a', VmcsField.ExceptionBitmap, 1n, 0n);
    ledger.note('b', VmcsField.ExceptionBitmap, 2n, 2n);
  });
});
