// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { formOf } from '../../../src/vmm/emulation/instruction_prefixes.js';

describe('formOf', () => {
  const [sldt, monitor] = [
    [0x0f, 0x00, 0xc0],
    [0x0f, 0x01, 0xc8],
  ];

  it('knows the sizes of each mode', () => {
    expect(formOf(sldt, 16)).to.include({ operandBytes: 2, addressBits: 16 });
    expect(formOf(sldt, 32)).to.include({ operandBytes: 4, addressBits: 32 });
    expect(formOf(sldt, 64)).to.include({ operandBytes: 4, addressBits: 64 });
  });

  it('lets prefixes choose the other size', () => {
    expect(formOf([0x66, 0x67, ...sldt], 16)).to.include({ operandBytes: 4, addressBits: 32 });
    expect(formOf([0x67, 0x66, ...sldt], 32)).to.include({ operandBytes: 2, addressBits: 16 });
    expect(formOf([0x66, 0xf3, 0x67, ...sldt], 64)).to.include({ operandBytes: 2, addressBits: 32 });
  });

  it('knows REX.W, which counts right before the opcode only, and more than 66H', () => {
    expect(formOf([0x66, 0x48, ...sldt], 64)).to.include({ operandBytes: 8 });
    expect(formOf([0x47, ...sldt], 64)).to.include({ operandBytes: 4 });
    expect(formOf([0x48, 0x66, ...sldt], 64)).to.include({ operandBytes: 2 });
    expect(formOf([0x48, ...sldt], 32), 'DEC EAX').to.include({ operandBytes: 4 });
  });

  it('takes the last segment, of which 64-bit mode has FS and GS only', () => {
    expect(formOf([0x26, 0x36, ...monitor], 32).segment).to.equal('ss');
    expect(formOf([0x65, 0x2e, ...monitor], 64).segment).to.equal('gs');
    expect(formOf(monitor, 64).segment).to.equal(undefined);
  });
});
