// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseDeclarations } from '../../../src/machine/generator/declarations.js';
import { InstructionRowError } from '../../../src/machine/generator/instruction_row_error.js';
import { FormTable } from '../../../src/machine/generator/forms.js';
import { row, type InstructionRow } from '../../../src/machine/instructions/row.js';

const semantics = `
@inline export function ADD<T, D, S>(d: D, s: S): void {}
@inline export function SHL<T, D>(d: D, count: u32): void {}
@inline export function MOVZX<T, U, S>(d: Reg, s: S): void {}
@inline export function PUSH<T, A, S>(s: S): void {}
@inline export function JZ(): bool { return true; }
@inline export function CALL<T, A>(next: u64): void {}
@inline export function MOVS<T, A>(rep: u32, segment: Reg): void {}
export function SLOW<T>(): void {}
export function MOV_SEG<S>(number: u32, s: S): void {}
export function ENTER(size: u32, level: u32): void {}
`;

function expand(...rows: InstructionRow[]): FormTable {
  const declarations = new Map(parseDeclarations(semantics, 'test').map((found) => [`test.${found.name}`, found]));
  const table = new FormTable(declarations);
  for (const one of rows) table.add('test', one);
  return table;
}

const names = (...rows: InstructionRow[]): string[] =>
  expand(...rows).forms.map((form) => form.name.replace(/ test$/, ''));

describe('FormTable', () => {
  it('makes a form for each operand size and kind', () => {
    expect(names(row('01', 'Ev,Gv', 'ADD'))).to.have.members(
      ['u16', 'u32', 'u64'].flatMap((type) => [`ADD<${type},Reg,Reg>(a,b)`, `ADD<${type},Mem,Reg>(ea,b)`]),
    );
  });

  it('lets rows that mean the same share a form', () => {
    const once = names(row('81 /0', 'Ev,Iz', 'ADD'));
    expect(
      names(row('81 /0', 'Ev,Iz', 'ADD'), row('83 /0', 'Ev,sIb', 'ADD'), row('05', 'rAX,Iz', 'ADD')),
    ).to.deep.equal(once);
  });

  it('passes the value of CL, an immediate or 1 to an integer parameter', () => {
    expect(names(row('D2 /4', 'Eb,CL', 'SHL'))).to.include('SHL<u8,Reg>(a,<u32>reg<u8>(RCX))');
    expect(names(row('C0 /4', 'Eb,Ib', 'SHL'))).to.include('SHL<u8,Mem>(ea,<u32>imm)');
    expect(names(row('D0 /4', 'Eb,1', 'SHL'))).to.include('SHL<u8,Reg>(a,<u32><i64>1)');
  });

  it('gives U the size of the second operand', () => {
    expect(names(row('0F B6', 'Gv,Eb', 'MOVZX'))).to.include('MOVZX<u64,u8,Reg>(a,b)');
  });

  it('gives a stack instruction each width of the stack pointer that its operand size can meet', () => {
    const found = names(row('50+', 'Zv', 'PUSH', { stack: true, default64: true }));
    expect(found).to.have.members([
      'PUSH<u16,u16,Reg>(a)',
      'PUSH<u16,u32,Reg>(a)',
      'PUSH<u16,u64,Reg>(a)',
      'PUSH<u32,u16,Reg>(a)',
      'PUSH<u32,u32,Reg>(a)',
      'PUSH<u64,u64,Reg>(a)',
    ]);
  });

  it('ends the block in the forms with REP only', () => {
    const forms = expand(row('A4', 'Yb,Xb', 'MOVS')).forms;
    expect(forms.filter((form) => form.class === 'ends').map((form) => /\((\d)/.exec(form.call)![1])).to.have.members([
      '1',
      '1',
      '1',
      '2',
      '2',
      '2',
    ]);
    expect(forms.filter((form) => form.class === 'plain')).to.have.length(3);
  });

  it('keeps branches of 16 bits apart and out of the templates', () => {
    const forms = expand(row('74', 'Jb', 'JZ', { class: 'jcc' })).forms;
    expect(forms.map((form) => [form.isBranch16, form.noTemplate === undefined])).to.have.deep.members([
      [true, false],
      [false, true],
    ]);
  });

  it('passes numbers, the second immediate and the next address by name', () => {
    expect(names(row('8E', 'Sw,Ew', 'MOV_SEG', { system: true }))[0]).to.equal('MOV_SEG<Reg>(<u32>an,b) ends');
    expect(names(row('C8', 'Iw,Ib', 'ENTER'))).to.deep.equal(['ENTER(<u32>imm,<u32>imm2)']);
    const call = expand(row('E8', 'Jz', 'CALL', { class: 'call', stack: true, size: 'v' })).forms[0]!;
    expect([...call.uses]).to.deep.equal(['next']);
  });

  it('numbers hot forms first and those that end a block last', () => {
    const table = expand(
      row('74', 'Jb', 'JZ', { class: 'jcc', hot: true }),
      row('98', '', 'SLOW', { size: 'v' }),
      row('01', 'Ev,Gv', 'ADD', { hot: true }),
    );
    const { hot, plain } = table.number(3);
    expect(hot).to.equal(3 + 1 + 4);
    for (const form of table.forms) {
      if (form.isHot) expect(form.id).to.be.below(hot);
      else expect(form.id < plain).to.equal(form.class === 'plain');
    }
  });

  it('says why a form has no template', () => {
    expect(expand(row('98', '', 'SLOW', { size: 'v' })).forms[0]!.noTemplate).to.match(/not inlined/);
  });

  describe('refuses, naming file and row,', () => {
    const cases: readonly (readonly [string, InstructionRow, RegExp])[] = [
      ['unknown semantics', row('00', 'Eb,Gb', 'NOTHING'), /test\.ts exports no function NOTHING/],
      ['an operand too many', row('00', 'Eb,Gb,Ib', 'ADD'), /takes no parameter for operand Ib/],
      ['an operand too few', row('00', 'Eb', 'ADD'), /has a parameter 's' more/],
      ['an operand of another kind', row('00', 'Ib,Eb', 'MOVZX'), /is a Imm; parameter 'd'/],
      ['an unknown operand', row('00', 'Kb', 'ADD'), /operand 'Kb' is unknown/],
      ['a bad encoding', row('0G', 'Eb,Gb', 'ADD'), /'0G'/],
      ['a type that nothing tells', row('00', '', 'SLOW'), /type parameter T of SLOW/],
    ];
    for (const [what, wrong, message] of cases) {
      it(what, () => {
        expect(() => expand(wrong))
          .to.throw(InstructionRowError, message)
          .with.property('message')
          .that.includes(`row('${wrong.opcode}'`);
      });
    }
  });
});
