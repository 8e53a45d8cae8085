// SPDX-License-Identifier: LGPL-2.1-only
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import * as iced from 'iced-x86';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { RecordField } from '../../../../src/machine/layout/record_format.js';
import type { FormInformation } from '../../../../src/machine/generator/extract.js';
import { createTestCore, type TestCore } from '../../../support/test_core.js';

const cases = process.env['BAREFLANK_FULL'] === '1' ? 1_000_000 : 30_000;
const undefinedForm = 1;
const tooLongForm = 2;
const recordAt = Layout.RECORDS_END - 0x1000;
const codeAt = Layout.RAM + 0x1000;

const modes = [
  { bits: 16, decodeMode: Constants.DECODE_CODE16 },
  { bits: 32, decodeMode: Constants.DECODE_CODE32 | Constants.DECODE_STACK32 },
  { bits: 64, decodeMode: Constants.DECODE_CODE64 },
] as const;

/** Instructions that iced knows and this processor does not announce or has as #UD; by the beginning of iced's names. */
const notOurs = new RegExp(
  '^(VEX_(?!Andn|Bextr|Bls|Bzhi|Mulx|Pdep|Pext_|Rorx|Sarx|Shlx|Shrx)|EVEX|XOP|D3NOW|V[A-Z]|K[A-Z]|Femms|Rsm|Ud[012]|Getsec|Sha|Aes(?:enc|dec)(?:wide)?(?:128|256)kl|Aa|Ao|Ax|Wr(u?ss|pkru|msrns)|Rdpkru|Movdir|Xrstors|Xsaves|Movnts[sd]_' +
    '|Extrq|Insertq|Gf2|Clwb|Xstore|X?[Ss]ha|Montmul|Xcrypt|Enqcmd|Incssp|Pconfig|Lkgs|Encodekey|Encl|Serialize|Loadiwkey' +
    '|Invpcid|Xtest|Senduipi|Vmfunc|Vmsave|Vmload|Vmrun|Vmmcall|Vmgexit|Clgi|Stgi|Skinit|Invlpg[ab]|Xbegin|Xabort|Xend|Rstorssp|Saveprevssp|Setssbsy|Clrssbsy|Clzero' +
    '|Tpause|Umwait|Umonitor|Ptwrite|Via_|Cldemote|Rdpru|Mcommit|Monitorx|Mwaitx|Invlpgb|Tlbsync|Psmash|Pvalidate|Rmp|Pbndkb|Seam|Td|Uiret|Testui|Clui|Stui' +
    '|Xsusldtrk|Xresldtrk|Hreset|Erets|Eretu|Rdm|Undoc|Cc[ls]|Loadall|Ibts|Xbts|Umov|Cmpxchg486|Zalloc' +
    '|Altinst|Cl1invmb|Jmpe)',
);

/** Our instructions that find an undefined register when they execute. */
const decidesItself = /^MOV_(SEG|FROM_CR|TO_CR)\b/;

class Random {
  constructor(private seed: number) {}
  below(limit: number): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.seed / 2 ** 32) * limit);
  }
}

/** Bytes that are instructions more often than not: opcodes of all maps, some prefixes, sometimes too many. */
function randomBytes(random: Random): Uint8Array {
  const bytes = Array.from({ length: 20 }, () => random.below(256));
  if (random.below(2) === 0) {
    bytes[0] = 0x0f;
    if (random.below(3) === 0) bytes[1] = random.below(2) ? 0x38 : 0x3a;
  }
  if (random.below(8) === 0) {
    // VEX: random bytes seldom are one of the few instructions that have it
    const [w, vvvv, l] = [random.below(2), random.below(3) ? 15 : random.below(16), random.below(10) === 0 ? 4 : 0];
    const last = (w << 7) | (vvvv << 3) | l | random.below(4);
    const opcode = [0xf0, 0xf2, 0xf3, 0xf5, 0xf6, 0xf7][random.below(6)]!;
    if (random.below(6) === 0) bytes.unshift(0xc5, last, opcode);
    else
      bytes.unshift(
        0xc4,
        (random.below(8) << 5) | (random.below(10) === 0 ? random.below(32) : 2 + random.below(2)),
        last,
        opcode,
      );
  }
  const prefixes = [0x66, 0xf2, 0xf3, 0x67, 0x48, 0x41, 0xf0, 0x64];
  for (const chance of [3, 4]) if (random.below(chance) === 0) bytes.unshift(prefixes[random.below(8)]!);
  if (random.below(50) === 0) bytes.unshift(...new Array<number>(10 + random.below(6)).fill(0x66));
  return Uint8Array.from(bytes.slice(0, 20));
}

describe('decodeInstruction', () => {
  let core: TestCore;
  let forms: readonly FormInformation[];
  const codeNames: Record<number, string> = {};
  before(async () => {
    core = await createTestCore(16 << 20);
    forms = JSON.parse(
      await readFile(new URL('../../../../cpu/forms.json', import.meta.url), 'utf8'),
    ) as FormInformation[];
    for (const [name, value] of Object.entries(iced.Code)) if (typeof value === 'number') codeNames[value] = name;
  });

  function decode(bytes: Uint8Array, decodeMode: number): { form: number; length: number } {
    core.u8.set(bytes, codeAt);
    core.cpu.decodeRecord(recordAt, codeAt, 0, decodeMode);
    const form = core.u8[recordAt + RecordField.Form]! | (core.u8[recordAt + RecordField.Form + 1]! << 8);
    return { form, length: core.u8[recordAt + RecordField.Length]! };
  }

  it('finds the lengths that iced-x86 finds, and what is defined, in all three code sizes', function () {
    this.timeout(300_000);
    const random = new Random(2024);
    const wrong: string[] = [];
    for (let count = 0; count < cases; count++) {
      const { bits, decodeMode } = modes[random.below(3)]!;
      const bytes = randomBytes(random);
      const { form, length } = decode(bytes, decodeMode);
      const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
      const instruction = decoder.decode();
      const name = codeNames[instruction.code]!;
      const isInvalid = instruction.code === iced.Code.INVALID;
      const expectedLength = instruction.length;
      instruction.free();
      decoder.free();
      const told = `${bits} bits ${Buffer.from(bytes).toString('hex')}: iced ${name}, ours ${forms[form]!.name}`;
      const { name: ours } = forms[form]!;
      if (form !== undefinedForm && form !== tooLongForm && isInvalid && !decidesItself.test(ours)) wrong.push(told);
      if (form === undefinedForm || form === tooLongForm) {
        if (!isInvalid && !notOurs.test(name)) wrong.push(told);
      } else if (!isInvalid && length !== expectedLength)
        wrong.push(`${told}: length ${length}, wanted ${expectedLength}`);
    }
    expect(wrong.slice(0, 20)).to.deep.equal([]);
  });

  it('calls an instruction of more than 15 bytes too long, and one of 15 not', () => {
    const prefixes = (count: number): Uint8Array =>
      Uint8Array.from([...new Array<number>(count).fill(0x66), 0x90, 0, 0, 0, 0]);
    expect(decode(prefixes(15), Constants.DECODE_CODE64).form).to.equal(tooLongForm);
    expect(decode(prefixes(14), Constants.DECODE_CODE64)).to.deep.include({ length: 15 });
    expect(decode(prefixes(14), Constants.DECODE_CODE64).form).to.be.greaterThan(tooLongForm);
  });

  it('ends an instruction that is too long at 15 bytes, whatever byte is next', () => {
    const starts = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a], [0x81], [0x81, 0x84], [0x81, 0x84, 0x24]];
    for (const start of starts) {
      const bytes = [...new Array<number>(15 - start.length).fill(0x66), ...start];
      for (const following of [0x90, 0x66, 0xf4, 0x0f, 0xff]) {
        for (const { decodeMode } of modes) {
          const { form } = decode(Uint8Array.from([...bytes, following, following]), decodeMode);
          expect([start, following, form]).to.deep.equal([start, following, tooLongForm]);
        }
      }
    }
  });

  it('defines MOVBE without prefix and with 66 only', () => {
    for (const opcode of [0xf0, 0xf1]) {
      for (const { decodeMode } of modes) {
        for (const prefixes of [[0xf3], [0xf3, 0x66], [0x66, 0xf3], [0xf2, 0xf3]]) {
          const bytes = Uint8Array.of(...prefixes, 0x0f, 0x38, opcode, 0x05, 0, 0, 0, 0);
          expect([prefixes, decode(bytes, decodeMode).form]).to.deep.equal([prefixes, undefinedForm]);
        }
        for (const prefixes of [[], [0x66]]) {
          const { form } = decode(Uint8Array.of(...prefixes, 0x0f, 0x38, opcode, 0x05, 0, 0, 0, 0), decodeMode);
          expect(forms[form]!.name).to.match(/^MOVBE/);
        }
        const { form } = decode(Uint8Array.of(0xf2, 0x0f, 0x38, opcode, 0xc0), decodeMode);
        expect(forms[form]!.name).to.match(/^CRC32/);
      }
    }
  });

  it('takes REX only right before the opcode', () => {
    const withRex = decode(Uint8Array.of(0x66, 0x48, 0x01, 0xc0), Constants.DECODE_CODE64);
    expect(forms[withRex.form]!.name).to.match(/^ADD<u64/);
    const lostRex = decode(Uint8Array.of(0x48, 0x66, 0x01, 0xc0), Constants.DECODE_CODE64);
    expect(forms[lostRex.form]!.name).to.match(/^ADD<u16/);
  });

  it('makes LOCK undefined with a register destination or an instruction that does not allow it', () => {
    expect(decode(Uint8Array.of(0xf0, 0x01, 0xc0), Constants.DECODE_CODE64).form).to.equal(undefinedForm);
    expect(decode(Uint8Array.of(0xf0, 0x8b, 0x00), Constants.DECODE_CODE64).form).to.equal(undefinedForm);
    expect(decode(Uint8Array.of(0xf0, 0x01, 0x00), Constants.DECODE_CODE64).form).to.be.greaterThan(tooLongForm);
  });

  it('distinguishes NOP from XCHG R8, RAX', () => {
    expect(forms[decode(Uint8Array.of(0x90), Constants.DECODE_CODE64).form]!.name).to.not.match(/XCHG/);
    expect(forms[decode(Uint8Array.of(0x41, 0x90), Constants.DECODE_CODE64).form]!.name).to.match(/^XCHG<u32/);
  });
});
