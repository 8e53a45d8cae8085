// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const bytes = (...values: number[]): number[] => values.map((value) => value & 255);
const words = (...values: number[]): number[] => [...new Uint8Array(new Int16Array(values).buffer)];
/** XMM0 (or MM0) op XMM1; the bytes of the result. */
function compute(a: number[], b: number[], operation: string, width: 8 | 16 = 16): number[] {
  const [register, move] = width === 16 ? ['xmm', 'movdqu'] : ['mm', 'movq'];
  const code = operation.replace(/\$/g, register);
  return run(
    { rdi: Flat.data, memory: { [Flat.data]: a, [Flat.data + 16]: b } },
    `${move} ${register}0, [rdi]`,
    `${move} ${register}1, [rdi + 16]`,
    code,
    `${move} [rdi + 32], ${register}0`,
  ).bytes(Flat.data + 32, width);
}
const eight = bytes(1, 2, 3, 4, 5, 6, 7, 8);
const sixteen = Array.from({ length: 16 }, (_, i) => i);

describe('SSSE3', () => {
  it('PSHUFB chooses bytes, bit 7 gives 0; the MMX form has 8 to choose from', () => {
    expect(compute(eight, bytes(7, 0x80, 8, 1, 0, 0, 15, 0xff), 'pshufb $0, $1', 8)).to.deep.equal([
      8, 0, 1, 2, 1, 1, 8, 0,
    ]);
    expect(
      compute(
        sixteen,
        sixteen.map((i) => 15 - i),
        'pshufb $0, $1',
      ),
    ).to.deep.equal(sixteen.map((i) => 15 - i));
  });
  it('PHADDW and PHSUBSW put the first operand’s pairs low', () => {
    expect(compute(words(1, 2, 3, 4), words(5, 6, 7, 8), 'phaddw $0, $1', 8)).to.deep.equal(words(3, 7, 11, 15));
    expect(compute(words(-32768, 1, 0, 0), words(5, 6, 7, 9), 'phsubsw $0, $1', 8)).to.deep.equal(
      words(-32768, 0, -1, -2),
    );
  });
  it('PMULHRSW wraps −1 × −1', () => {
    expect(compute(words(-32768, 0x4000), words(-32768, 0x4000), 'pmulhrsw $0, $1').slice(0, 4)).to.deep.equal(
      words(-32768, 0x2000),
    );
  });
  it('PMADDUBSW saturates, PSIGNB negates and clears', () => {
    expect(compute(bytes(255, 255, 1, 2), bytes(127, 127, -1, 3), 'pmaddubsw $0, $1').slice(0, 4)).to.deep.equal(
      words(32767, 5),
    );
    expect(compute(bytes(5, 6, 7), bytes(-1, 0, 1), 'psignb $0, $1').slice(0, 3)).to.deep.equal(bytes(-5, 0, 7));
  });
  it('PALIGNR shifts the pair by bytes, beyond its length to 0', () => {
    expect(
      compute(
        sixteen,
        sixteen.map((i) => i + 100),
        'palignr $0, $1, 4',
      ),
    ).to.deep.equal([...sixteen.slice(4).map((i) => i + 100), 0, 1, 2, 3]);
    expect(
      compute(
        sixteen,
        sixteen.map((i) => i + 100),
        'palignr $0, $1, 20',
      ),
    ).to.deep.equal([...sixteen.slice(4), 0, 0, 0, 0]);
    expect(compute(eight, eight, 'palignr $0, $1, 16', 8)).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});
