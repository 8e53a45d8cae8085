// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { owners } from './owners_bench.js';

describe('ExceptionBitmapIntelX64', () => {
  it('merges what is asked for', () => {
    const { it, field } = owners();
    const [six, other] = [it.exceptionBitmap.trap(it, 6), it.exceptionBitmap.trap(it, 6)];
    it.exceptionBitmap.trap(it, 14);
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4040n);
    six[Symbol.dispose]();
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4040n);
    other[Symbol.dispose]();
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4000n);
    for (const vector of [32, -1, 1.5, 2]) {
      expect(() => it.exceptionBitmap.trap(it, vector)).to.throw(VmcsError, `invalid vector: ${vector}`);
    }
  });
});
