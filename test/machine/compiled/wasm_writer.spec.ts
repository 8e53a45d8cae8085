// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { WasmWriter, writeLocals } from '../../../src/machine/compiled/wasm_writer.js';
import { ValueType } from '../../../src/machine/wasm_format.js';

function written(write: (out: WasmWriter) => void): number[] {
  const out = new WasmWriter();
  write(out);
  return [...out.bytes()];
}

describe('WasmWriter', () => {
  it('writes unsigned numbers in the fewest bytes', () => {
    expect(written((out) => out.unsigned(127))).to.deep.equal([127]);
    expect(written((out) => out.unsigned(624485))).to.deep.equal([0xe5, 0x8e, 0x26]);
    expect(written((out) => out.unsigned(0xffffffff))).to.deep.equal([0xff, 0xff, 0xff, 0xff, 0x0f]);
  });

  it('writes signed numbers so that the sign bit is right', () => {
    expect(written((out) => out.signed(-123456))).to.deep.equal([0xc0, 0xbb, 0x78]);
    expect(written((out) => out.signed(64))).to.deep.equal([0xc0, 0]);
    expect(written((out) => out.signed(-64))).to.deep.equal([0x40]);
    expect(written((out) => out.signed64(-0x8000000000000000n))).to.have.length(10);
    expect(written((out) => out.signed64(-1n))).to.deep.equal([0x7f]);
  });

  it('grows', () => {
    expect(
      written((out) => {
        for (let index = 0; index < 10_000; index++) out.byte(index & 255);
      }),
    ).to.have.length(10_000);
  });

  it('writes the length of a part before it', () => {
    expect(written((out) => out.sized((part) => part.append([1, 2, 3])))).to.deep.equal([3, 1, 2, 3]);
  });
});

describe('writeLocals', () => {
  it('joins neighbouring equal types', () => {
    expect(
      written((out) => writeLocals(out, [ValueType.I64, ValueType.I64, ValueType.I32, ValueType.I64])),
    ).to.deep.equal([3, 2, 0x7e, 1, 0x7f, 1, 0x7e]);
  });
});
