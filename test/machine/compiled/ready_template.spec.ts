// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readyTemplate, TokenKind } from '../../../src/machine/compiled/ready_template.js';
import { Opcode, ValueType } from '../../../src/machine/wasm_format.js';
import type { TemplateToken } from '../../../src/machine/generator/template.js';

const template = (tokens: readonly TemplateToken[], returns = false) =>
  readyTemplate(
    { name: 'test', class: 'plain', locals: [ValueType.I64], zero: [0], tokens, returns, result: 0 },
    'instruction',
  );

describe('readyTemplate', () => {
  it('joins what needs no look at an instruction to runs of bytes, and turns names to kinds', () => {
    const { tokens, usesAddress, registers } = template([
      ['l', Opcode.LocalGet, 0],
      ['x', 'fA=='],
      ['k', 5],
      ['get', 64, 'b', 0],
      ['m', 'address', 0],
      ['m', 'numberC', 0],
    ]);
    const local = tokens[0]!.bytes[3]!;
    // a local that may be read before it is written is zero first
    expect([...tokens[0]!.bytes]).to.deep.equal([
      ...[Opcode.I64Const, 0, Opcode.LocalSet, local],
      ...[Opcode.LocalGet, local, 0x7c, Opcode.I32Const, 5],
    ]);
    expect(tokens.map(({ kind }) => TokenKind[kind])).to.deep.equal(['Bytes', 'GetRegister', 'Address', 'Number']);
    expect(tokens[3]!.place).to.equal('c');
    expect(usesAddress).to.equal(true);
    expect(registers).to.deep.equal([tokens[1]]);
  });

  it('says how flags are set: later where a setter is certain, now where it is not', () => {
    expect(template([['m', 'fAdd', 0]]).setsFlags).to.equal('later');
    expect(template([['m', 'fAdd', 1]]).setsFlags).to.equal('now');
    expect(template([['m', 'fAdd', 0]], true).setsFlags, 'it may have returned').to.equal('now');
    expect(template([['m', 'setFX', 0]]).setsFlags).to.equal('now');
    expect(template([]).setsFlags).to.equal('no');
  });

  it('knows when the flags before do not matter', () => {
    expect(template([['m', 'fSub', 0]]).killsFlags).to.equal(true);
    expect(
      template([
        ['m', 'bail', 0],
        ['m', 'fSub', 0],
      ]).killsFlags,
      'leaving shows them',
    ).to.equal(false);
    expect(
      template([
        ['m', 'getFC', 0],
        ['m', 'fInc', 0],
      ]).killsFlags,
    ).to.equal(false);
  });

  it('counts the operands of a flag setter', () => {
    expect(
      template([
        ['m', 'operand0', 0],
        ['m', 'operand1', 0],
      ]).operands,
    ).to.equal(2);
  });

  it('refuses what nobody knows', () => {
    expect(() => template([['m', 'sideways', 0]])).to.throw(TypeError, "marker 'sideways'");
    expect(() => template([['?', 1]])).to.throw(TypeError, "token '?'");
  });
});
