// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { changeRegisters } from '../../../src/bfm/gdb/changed_registers.js';
import type { GdbRegister } from '../../../src/bfm/gdb/gdb_register.js';
import { gdbRegisters } from '../../../src/bfm/gdb/gdb_registers.js';
import { Cr0, Cr4, Efer } from '../../../src/intrinsics/registers/registers.js';
import type { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { raceGuest } from '../../machine/race_guest.js';
import { sessionOf } from './gdb_client.js';

const registers: Readonly<Record<string, GdbRegister>> = Object.fromEntries(
  gdbRegisters.map((register) => [register.name, register]),
);
const named = (name: string, value: bigint) => ({ register: registers[name]!, value });

describe('changeRegisters', () => {
  let processor: LogicalProcessor;
  let values: () => Record<string, bigint>;
  beforeEach(async () => {
    const { pc } = await sessionOf(raceGuest(1, 1));
    [processor] = pc.processors as [LogicalProcessor];
    values = () => Object.fromEntries(gdbRegisters.map(({ name, read }) => [name, read(processor)]));
  });

  it('writes each register that an instruction writes by itself', () => {
    // These do not take each value.
    const others = 'eflags fctrl fstat ftag mxcsr cr0 cr3 cr4 efer xcr0 dr6 dr7 ss ds es fs gs ldtr tr'.split(' ');
    const wanted = gdbRegisters
      .filter(({ write, name }) => typeof write !== 'string' && !others.includes(name))
      .map((register, n) => ({ register, value: BigInt(n + 1) }));
    expect(wanted.length).to.be.greaterThan(45);
    expect(changeRegisters(processor, wanted)).to.equal(undefined);
    const now = values();
    for (const { register, value } of wanted) expect(now[register.name], register.name).to.equal(value);
  });

  it('looks for an order that the processor takes', () => {
    const { cr0, cr4, efer } = values();
    // Leaving IA-32e mode in one step is refused: CR0.PG first, then EFER.LME and CR4.PAE.
    expect(changeRegisters(processor, [named('cr4', cr4! & ~BigInt(Cr4.PhysicalAddressExtensions))])).to.be.a('string');
    processor.core.block.set('CS', { ...processor.core.block.get('CS'), rights: 0xc09b });
    const off = [
      named('cr4', cr4! & ~BigInt(Cr4.PhysicalAddressExtensions)),
      named('efer', efer! & ~BigInt(Efer.Lme | Efer.Lma)),
      named('cr0', cr0! & ~BigInt(Cr0.Paging)),
    ];
    expect(changeRegisters(processor, off)).to.equal(undefined);
    const now = values();
    for (const { register, value } of off) expect(now[register.name], register.name).to.equal(value);
  });

  it('writes all or none, and says which register is in the way', () => {
    const before = values();
    const wanted = [
      named('rax', 0x55n),
      named('cr0', before.cr0! | BigInt(Cr0.TaskSwitched)),
      named('gdtr_base', 1n << 63n),
    ];
    expect(changeRegisters(processor, wanted)).to.equal('gdtr_base cannot be 0x8000000000000000: it is not canonical');
    expect(values()).to.deep.equal(before);
    expect(changeRegisters(processor, [named('cpl', before.cpl!)]), 'it has this value').to.equal(undefined);
  });

  it("gives a selector its hidden part back, which is another one than the descriptor's", () => {
    const { block } = processor.core;
    const fs = { selector: 0, base: 0x1234n, limit: 0xfffff, rights: 0xc093 };
    block.set('FS', { ...fs, selector: 0x10 });
    const wanted = [named('fs', 0n), named('gdtr_base', 1n << 63n)];
    expect(changeRegisters(processor, wanted)).to.match(/^gdtr_base cannot be/);
    expect(block.get('FS')).to.deep.equal({ ...fs, selector: 0x10 });
    expect(changeRegisters(processor, wanted.slice(0, 1))).to.equal(undefined);
    expect(block.get('FS')).to.include({ selector: 0, base: 0n });
  });

  it('refuses a value that the register would not have afterwards', () => {
    const before = values();
    expect(changeRegisters(processor, [named('dr6', 0n)])).to.equal('dr6 cannot be 0x0: it would become 0xffff0ff0');
    expect(changeRegisters(processor, [named('eflags', 0x20002n)])).to.equal(
      'eflags cannot be 0x20002: it would become 0x2',
    );
    expect(values()).to.deep.equal(before);
  });
});
