// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Page, Rights, Segment, setSegment } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();
/** Unmasks division by zero. */
const unmask = ['fninit', 'push 0x37b', 'fldcw [esp]'];
const MF = 16;

describe('An unmasked x87 exception', () => {
  it('is #MF at the next waiting instruction whatever the data segments are', () => {
    for (const segment of [Segment.DS, Segment.ES, Segment.SS, Segment.FS, Segment.GS]) {
      machine.start({ bits: 32, paging: 'none' });
      setSegment(machine, segment, Select.data, 0x1000, segment === Segment.SS ? 0xffffffff : 0xfff, Rights.data32);
      machine.stateChanged();
      const { vector } = machine.run64(...unmask, 'fld1', 'fldz', 'fdivp', 'fwait');
      expect([segment, vector, machine.word('X87_OPCODE')]).to.deep.equal([segment, MF, 0x6f9]);
    }
  });
  it('is reported in real mode with DS ≠ CS and a small limit of DS', () => {
    machine.start({ bits: 16, cr0: 0x30 });
    machine.poke(MF * 4, 0, 0, 0, 0x30);
    machine.poke(0x30000, 0xf4);
    machine.codeChanged(0, 0x31000);
    setSegment(machine, Segment.DS, 0x800, 0x8000, 0xffff, Rights.data16);
    machine.stateChanged();
    const waits = ['fninit', 'push 0x37b', 'mov bp, sp', 'fldcw [bp]', 'fld1', 'fldz', 'fdivp', 'fwait'];
    machine.run64(...waits);
    expect([machine.word('CS_SELECTOR'), machine.get('RIP')]).to.deep.equal([0x3000, 1n]);
  });
  it('does not read the instruction as data: code that may not be read, and data breakpoints', () => {
    machine.start({ bits: 32, paging: 'none' });
    setSegment(machine, Segment.CS, Select.code32, 0, 0xffffffff, Rights.code32 & ~2);
    for (let i = 0; i < 4; i++) machine.set(`DR${i}` as 'DR0', At.kernelCode + 8 * i);
    machine.set('DR7', 0xbbbb04aa); // read or write, 8 bytes each
    machine.stateChanged();
    expect(machine.run64(...unmask, 'fld1', 'fldz', 'fdivp', 'fwait').vector).to.equal(MF);
    expect(machine.get('DEBUG_TRAPS')).to.equal(0n);
  });
  it('does not depend on the page of the code still being mapped', () => {
    machine.start();
    machine.write(At.pages, ['fninit', 'push 0x37b', 'fldcw [rsp]', 'fld1', 'fldz']);
    machine.set('RIP', At.pages);
    machine.go();
    // the TLB still has the page: no walk may happen
    machine.map(At.pages, At.pages, 0n);
    machine.write(At.pages, ['fdivp', 'fwait']);
    machine.u32[Layout.ACTIVITY / 4] = 0;
    machine.set('RIP', At.pages);
    expect(machine.go().vector).to.equal(MF);
    expect(machine.entry(At.pages) & Page.present).to.equal(0n);
  });
});

/** FCW with only the invalid operation unmasked; a signalling NaN. */
const invalidUnmasked = 0x37e;
const signallingNan = 0x7fa00000;

/** Executes an instruction on a signalling NaN at an offset of the FS segment. */
function invalid(
  bits: 32 | 64,
  base: number,
  bytes: readonly number[],
  registers: Readonly<Partial<Record<'RSI' | 'RBX', number>>>,
): void {
  machine.start(bits === 64 ? { bits } : { bits, paging: 'none' });
  setSegment(machine, Segment.FS, Select.data, base, 0xffffffff, Rights.data32);
  machine.poke32(At.pages, signallingNan);
  for (const [name, value] of Object.entries(registers)) machine.set(name as 'RSI', value);
  machine.stateChanged();
  const stack = bits === 64 ? 'rsp' : 'esp';
  machine.run64(
    'fninit',
    `push ${invalidUnmasked}`,
    `fldcw [${stack}]`,
    'fld1',
    `.byte ${bytes.map((byte) => `0x${byte.toString(16)}`).join(', ')}`,
  );
  expect(machine.word('X87_STATUS') & 0x8081, 'invalid operation, summary').to.equal(0x8081);
}

describe('The x87 opcode and data pointer', () => {
  const base = 0x8000;
  const offset = At.pages - base;
  for (const [title, bits, bytes, opcode, registers] of [
    ['FADD m32', 64, [0x64, 0xd8, 0x06], 0x006, { RSI: offset }],
    ['FADD m32 with an address of 32 bits', 64, [0x67, 0x64, 0xd8, 0x06], 0x006, { RSI: offset }],
    ['FADD m32 with REX', 64, [0x64, 0x40, 0xd8, 0x06], 0x006, { RSI: offset }],
    ['FADD m32', 32, [0x64, 0xd8, 0x06], 0x006, { RSI: offset }],
    ['FDIVR m32 with a displacement', 32, [0x64, 0x66, 0xd8, 0x7b, 0x10], 0x07b, { RBX: offset - 0x10 }],
    ['FLD m32', 32, [0x64, 0xd9, 0x06], 0x106, { RSI: offset }],
    ['FCOM m32 at an offset below 0', 32, [0x64, 0xd8, 0x56, 0xfc], 0x056, { RSI: offset + 4 }],
  ] as const) {
    it(`are those of ${title}, the pointer the offset in its segment, in ${bits}-bit code`, () => {
      invalid(bits, base, bytes, registers);
      expect([machine.word('X87_OPCODE'), machine.get('X87_DP')]).to.deep.equal([opcode, BigInt(offset)]);
    });
  }
  it('have an offset of 16 bits with 16-bit addresses', () => {
    invalid(32, At.pages - 0x1234, [0x67, 0x64, 0xd8, 0x06, 0x34, 0x12], {});
    expect([machine.word('X87_OPCODE'), machine.get('X87_DP')]).to.deep.equal([0x006, 0x1234n]);
  });
  it('have an offset of 32 bits where base + offset wraps', () => {
    invalid(32, At.pages + 0x1000, [0x64, 0xd8, 0x06], { RSI: 0xfffff000 });
    expect(machine.get('X87_DP')).to.equal(0xfffff000n);
  });
  it('keep the data pointer of the last memory operand for register forms', () => {
    machine.start({ bits: 32, paging: 'none' });
    machine.poke32(At.pages, signallingNan);
    machine.set('RSI', At.pages);
    const invalidThenZero = ['fldz', 'fadd dword ptr [esi]', 'fnclex', 'fld1', '.byte 0x66, 0xd8, 0xf1'];
    machine.run64('fninit', 'push 0x37a', 'fldcw [esp]', ...invalidThenZero);
    expect([machine.word('X87_OPCODE'), machine.get('X87_DP')]).to.deep.equal([0x0f1, BigInt(At.pages)]);
  });
});
