// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsError } from '../../../src/vmm/errors.js';
import { IdtX64 } from '../../../src/vmm/vmm_state/idt_x64.js';

describe('IdtX64', () => {
  it('is the table that its register names', () => {
    expect(new IdtX64({ base: 0x6000n, limit: 0xfff }).register).to.deep.equal({ base: 0x6000n, limit: 0xfff });
  });

  describe('.ofSize', () => {
    it('takes 16 bytes a gate', () => {
      const alloc = (bytes: number): bigint => (expect(bytes).to.equal(4096), 0x8000n);
      expect(IdtX64.ofSize({ alloc }, 256).register).to.deep.equal({ base: 0x8000n, limit: 4095 });
    });

    for (const gates of [0, 257]) {
      it(`refuses ${gates} gates`, () => {
        expect(() => IdtX64.ofSize({ alloc: () => 0n }, gates)).to.throw(VmcsError, /1 … 256/);
      });
    }
  });
});
