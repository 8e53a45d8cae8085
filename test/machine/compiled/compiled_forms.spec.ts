// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { RecordFlag } from '../../../src/machine/layout/record_format.js';
import type { DecodedInstruction } from '../../../src/machine/compiled/decoded_code.js';
import { compiledForms, readForms } from '../../support/compiled_tier.js';

const { forms } = readForms();
const idOf = (name: string): number => forms.find((form) => form.name.startsWith(name))!.id;
const instruction = (name: string, flags = 0): DecodedInstruction => ({
  form: idOf(name),
  length: 1,
  pageOffset: 0,
  a: 0,
  b: 0,
  c: 0,
  segment: 0,
  immediate: 0,
  displacement: 0,
  baseSlot: 0,
  indexSlot: 0,
  scale: 0,
  flags,
});

describe('CompiledForms', () => {
  const compiled = compiledForms();

  it('compiles what has a template or needs none, in flat segments', () => {
    expect(compiled.kindOf(instruction('ADD<u32,Reg,Reg>'))).to.equal('plain');
    expect(compiled.kindOf(instruction('JZ()'))).to.equal('jcc');
    expect(compiled.kindOf(instruction('jmp jmp '))).to.equal('jmp');
    expect(compiled.kindOf(instruction('CPUID'))).to.equal(undefined);
    expect(compiled.kindOf(instruction('jmp jmp16'))).to.equal(undefined);
    expect(compiled.kindOf(instruction('ADD<u32,Mem,Reg>', RecordFlag.Segmented))).to.equal(undefined);
  });

  it('knows where the records of a block end', () => {
    expect(compiled.endsRecords(idOf('ADD<u32,Reg,Reg>'))).to.equal(false);
    expect(compiled.endsRecords(idOf('JZ()')), 'a NEXT record follows').to.equal(false);
    expect(compiled.endsRecords(idOf('jmp jmp '))).to.equal(true);
    expect(compiled.endsRecords(compiled.next)).to.equal(true);
  });

  it('gives a template once it is asked for, and the same one again', () => {
    const id = idOf('ADD<u32,Reg,Reg>');
    expect(compiled.template(id)).to.be.an('object').and.equal(compiled.template(id));
    expect(compiled.template(idOf('jmp jmp '))).to.equal(undefined);
    expect(() => compiled.flagSetter('fNone')).to.throw(TypeError, 'fNone');
  });
});
