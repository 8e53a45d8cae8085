// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { differences } from './comparison.js';
import { Outcome, type CaseResult, type InstructionCase } from './cases/instruction_case.js';
import { MemoryMap } from './cases/memory_map.js';
import { Flag } from './cases/undefined_flags.js';

const result: CaseResult = {
  outcome: Outcome.Completed,
  vector: 0,
  errorCode: 0,
  faultAddress: 0n,
  registers: new Uint32Array(32),
  rflags: 0x202,
  rip: 0x11000102n,
  changedOffset: 0,
  changed: new Uint8Array(0),
};

function caseOf(semantics: string, undefinedFlags = 0): InstructionCase {
  return {
    instructions: [{ form: `${semantics}<u32,Reg,Reg>(a,b)`, semantics, bytes: [0x01, 0xc8], undefinedFlags }],
    codeOffset: 0x100,
    registers: new Uint32Array(32),
    rflags: 0x202,
    window: new Uint8Array(MemoryMap.windowBytes),
  };
}

describe('differences', () => {
  it('is empty for equal results', () => {
    expect(differences(caseOf('ADD'), result, { ...result })).to.deep.equal([]);
  });
  it('names a register whose upper half differs', () => {
    const registers = new Uint32Array(32);
    registers[7] = 1;
    expect(differences(caseOf('ADD'), result, { ...result, registers })).to.deep.equal([
      'RBX: processor 0h, core 100000000h',
    ]);
  });
  it('sees a flag, unless the instruction leaves it undefined', () => {
    const other = { ...result, rflags: 0x202 | Flag.AF };
    expect(differences(caseOf('ADD'), result, other)).to.have.length(1);
    expect(differences(caseOf('AND', Flag.AF), result, other)).to.deep.equal([]);
  });
  it('sees memory, fault kinds and RIP', () => {
    expect(differences(caseOf('ADD'), result, { ...result, changed: Uint8Array.of(1) })).to.have.length(1);
    expect(differences(caseOf('ADD'), result, { ...result, rip: 0x11000100n })).to.have.length(1);
    expect(differences(caseOf('ADD'), result, { ...result, outcome: Outcome.Exception, vector: 14 })).to.have.length(2);
  });
  it('compares error code and address of page faults', () => {
    const fault = { ...result, outcome: Outcome.Exception, vector: 14, errorCode: 4, faultAddress: 0x12003000n };
    expect(differences(caseOf('ADD'), fault, { ...fault, errorCode: 6 })).to.have.length(1);
    expect(differences(caseOf('ADD'), fault, { ...fault, faultAddress: 0x12003001n })).to.have.length(1);
  });
  it('compares XMM registers', () => {
    const fx = new Uint8Array(512);
    const other = fx.slice();
    other[160 + 16 * 3] = 1;
    expect(differences(caseOf('MOVAPS'), { ...result, fx }, { ...result, fx: other })[0]).to.match(
      /^XMM3: processor 0+, core 0+1$/,
    );
  });
});
