// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { OperandCode, parseOperand } from '../../../src/machine/generator/operand.js';

describe('parseOperand', () => {
  it('reads general registers and memory by letter and size', () => {
    expect(parseOperand('Eb')).to.include({ shape: 'either', code: OperandCode.Rm8, type: 'u8', usesModrm: true });
    expect(parseOperand('Ev')).to.include({ shape: 'either', code: OperandCode.Rm, size: 'v' });
    expect(parseOperand('Gw')).to.include({ shape: 'register', code: OperandCode.Reg, type: 'u16' });
    expect(parseOperand('Md')).to.include({ shape: 'memory', mod: 'memory' });
    expect(parseOperand('Ry')).to.include({ shape: 'register', mod: 'register', size: 'y' });
    expect(parseOperand('Zv')).to.include({ shape: 'register', code: OperandCode.Op, usesModrm: false });
  });

  it('reads immediates by width and extension', () => {
    expect(parseOperand('Ib').code).to.equal(OperandCode.Imm8);
    expect(parseOperand('sIb').code).to.equal(OperandCode.SImm8);
    expect(parseOperand('Iz')).to.include({ code: OperandCode.ImmZ, size: 'v', isWide: false });
    expect(parseOperand('Iv')).to.include({ code: OperandCode.ImmV, isWide: true });
  });

  it('reads fixed registers, whose r and e forms follow the operand size', () => {
    expect(parseOperand('AL')).to.include({ shape: 'fixed', code: OperandCode.Fixed, type: 'u8' });
    expect(parseOperand('CH')).to.include({ code: OperandCode.FixedHigh + 1 });
    expect(parseOperand('DX')).to.include({ code: OperandCode.Fixed + 2, type: 'u16' });
    expect(parseOperand('rAX')).to.include({ code: OperandCode.Fixed, size: 'v' });
    expect(parseOperand('eAX')).to.include({ size: 'z' });
  });

  it('gives packed operands their vector or 64-bit type', () => {
    expect(parseOperand('Vdq').type).to.equal('v128');
    expect(parseOperand('Pq').type).to.equal('u64');
    expect(parseOperand('Wss').type).to.equal('u32');
    expect(parseOperand('Udq').mod).to.equal('register');
  });

  it('gives x87 stack registers as numbers, and ST(0) as nothing', () => {
    expect(parseOperand('ST(i)').shape).to.equal('number');
    expect(parseOperand('ST(0)').shape).to.equal('none');
  });

  it('reads the register of VEX.vvvv', () => {
    expect(parseOperand('By')).to.include({ shape: 'register', code: OperandCode.Vvvv, size: 'y', usesModrm: false });
  });

  it('refuses a letter that the manual does not have', () => {
    expect(() => parseOperand('Kq')).to.throw(SyntaxError, /'Kq'/);
  });
});
