// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryView } from '../../../src/bfm/evaluate/memory_view.js';
import { BareflankError } from '../../../src/intrinsics/errors.js';

const bytes = Uint8Array.of(0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x4f, 0x4b, 0);
const view = new MemoryView('physical', (address, length) =>
  address + BigInt(length) > BigInt(bytes.length) ? undefined : bytes.slice(Number(address), Number(address) + length),
);

describe('MemoryView', () => {
  it('reads values of each size, little-endian, at numbers and bigints', () => {
    expect([view.u8(1), view.u16(0), view.u32(0n)]).to.deep.equal([0x22, 0x2211, 0x44332211]);
    expect(view.u64(0)).to.equal(0x8877665544332211n);
    expect([...view.read(2n, 2)]).to.deep.equal([0x33, 0x44]);
    expect(view.text(8)).to.equal('OK');
    expect(view.text(8, 1)).to.equal('O');
  });

  it('names an address without memory, and a length that is none', () => {
    expect(() => view.u64(8)).to.throw(BareflankError, 'there is no memory at the physical address 0x8');
    expect(() => view.read(-1, 1)).to.throw(BareflankError, '0xffffffffffffffff');
    for (const length of [-1, 0.5, NaN, 2 ** 30]) expect(() => view.read(0, length)).to.throw(/the length is/);
  });
});
