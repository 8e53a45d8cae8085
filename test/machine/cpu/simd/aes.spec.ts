// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createCipheriv } from 'node:crypto';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();

/** A number as the bytes of a vector in memory. */
const bytesOf = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const numberOf = (bytes: Uint8Array): bigint =>
  bytes.reduce((sum, byte, i) => sum + (BigInt(byte) << BigInt(8 * i)), 0n);

/** XMM0 after code that begins with these values in XMM0 and XMM1; the second one is also at RBX. */
function compute(first: bigint, second: bigint, ...code: string[]): bigint {
  machine.start();
  machine.u8.set(bytesOf(first), Layout.XMM);
  machine.u8.set(bytesOf(second), Layout.XMM + 16);
  machine.poke(At.pages, ...bytesOf(second));
  machine.set('RBX', At.pages);
  expect(machine.run64(...code).vector).to.equal(undefined);
  return numberOf(machine.u8.slice(Layout.XMM, Layout.XMM + 16));
}

// Examples of Intel's white papers "Intel AES New Instructions Set" and "Intel Carry-Less Multiplication Instruction".
const state = 0x7b5b54657374566563746f725d53475dn;
const key = 0x48692853686179295b477565726f6e5dn;

describe('AES', () => {
  const rounds: readonly [string, bigint][] = [
    ['aesenc', 0xa8311c2f9fdba3c58b104b58ded7e595n],
    ['aesenclast', 0xc7fb881e938c5964177ec42553fdc611n],
    ['aesdec', 0x138ac342faea2787b58eb95eb730392an],
    ['aesdeclast', 0xc5a391ef6b317f95d410637b72a593d0n],
  ];
  for (const [name, wanted] of rounds) {
    it(`${name} is one round, with the key in a register or in memory`, () => {
      expect(compute(state, key, `${name} xmm0, xmm1`)).to.equal(wanted);
      expect(compute(state, key, `${name} xmm0, xmmword ptr [rbx]`)).to.equal(wanted);
    });
  }
  it('AESIMC makes a round key for decryption', () => {
    expect(compute(0n, key, 'aesimc xmm0, xmm1')).to.equal(0x597f8df109efaa15f39bc5a119d859b6n);
    // AESDECLAST and AESENC with a key of 0 are MixColumns, the inverse.
    const back = ['pxor xmm2, xmm2', 'aesimc xmm0, xmm1', 'aesdeclast xmm0, xmm2', 'aesenc xmm0, xmm2'];
    expect(compute(0n, key, ...back)).to.equal(key);
  });
  it('AESKEYGENASSIST expands a key', () => {
    expect(compute(0n, 0x3c4fcf098815f7aba6d2ae2816157e2bn, 'aeskeygenassist xmm0, xmm1, 1')).to.equal(
      0x01eb848beb848a013424b5e524b5e434n,
    );
  });
  it('encrypts as AES-128 does, for all bytes of the S-box', () => {
    // Expands the key in XMM1 and encrypts XMM0.
    const expand = (round: number): string[] => [
      `aeskeygenassist xmm2, xmm1, ${round}`,
      'pshufd xmm2, xmm2, 0xff',
      'movdqa xmm3, xmm1',
      ...[1, 2, 3].flatMap(() => ['pslldq xmm3, 4', 'pxor xmm1, xmm3']),
      'pxor xmm1, xmm2',
    ];
    const constants = [1, 2, 4, 8, 16, 32, 64, 128, 27, 54];
    const code = [
      'pxor xmm0, xmm1',
      ...constants.flatMap((constant, i) => [...expand(constant), `${i === 9 ? 'aesenclast' : 'aesenc'} xmm0, xmm1`]),
    ];
    for (let first = 0; first < 256; first += 16) {
      const text = Uint8Array.from({ length: 16 }, (_, i) => first + i);
      const secret = bytesOf(key + BigInt(first));
      const cipher = createCipheriv('aes-128-ecb', secret, null).setAutoPadding(false);
      const wanted = cipher.update(text);
      expect(compute(numberOf(text), numberOf(secret), ...code)).to.equal(numberOf(wanted));
    }
  });
  it('needs memory that is aligned, and CR4.OSFXSR', () => {
    machine.start();
    machine.set('RBX', At.pages + 8);
    expect(machine.run64('aesenc xmm0, xmmword ptr [rbx]')).to.include({ vector: 13, code: 0 });
    machine.start({ cr4: 0x20 });
    expect(machine.run64('aesenc xmm0, xmm1').vector).to.equal(6);
  });
});

describe('PCLMULQDQ', () => {
  for (const [choice, wanted] of [
    [0x00, 0x1d4d84c85c3440c0929633d5d36f0451n],
    [0x10, 0x1bd17c8d556ab5a17fa540ac2a281315n],
    [0x01, 0x1a2bf6db3a30862fbabf262df4b7d5c9n],
    [0x11, 0x1d1e1f2c592e7c45d66ee03e410fd4edn],
  ] as const) {
    it(`multiplies the halves that ${choice.toString(16)}H chooses`, () => {
      expect(compute(state, key, `pclmulqdq xmm0, xmm1, ${choice}`)).to.equal(wanted);
      expect(compute(state, key, `pclmulqdq xmm0, xmmword ptr [rbx], ${choice | 0xee}`)).to.equal(wanted);
    });
  }
});
