// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { descriptor, Rights } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine, type Ending, type Start } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();
const GP = 13;
const NP = 11;
const SS = 12;
const UD = 6;

/** Loads a segment register with a descriptor at Select.free and says how that ends. */
function load(register: string, rights: number, selector: number, start: Start = {}): Ending {
  machine.start(start);
  machine.describe(Select.free, descriptor(0, 0xffffffff, rights));
  return machine.run64(`mov eax, ${selector}`, `mov ${register}, ax`);
}

describe('Segment registers', () => {
  const data = Rights.data32;
  const code = Rights.code32;
  const cases: readonly [string, string, number, number, Start, number | undefined, number?][] = [
    ['a null selector loads DS', 'ds', data, 0, {}, undefined],
    ['a null selector loads SS at CPL 0 in 64-bit mode', 'ss', data, 0, {}, undefined],
    ['a null selector does not load SS with RPL 3', 'ss', data, 3, {}, GP, 0],
    ['a null selector does not load SS in 32-bit mode', 'ss', data, 0, { bits: 32 }, GP, 0],
    ['a selector beyond the table', 'ds', data, 0x208, {}, GP, 0x208],
    ['a local selector without LDT', 'ds', data, 0x5c, {}, GP, 0x5c],
    ['data with DPL 0 and RPL 3', 'ds', data, Select.free | 3, {}, GP, Select.free],
    ['data with DPL 3 and RPL 3', 'ds', data | Rights.user, Select.free | 3, {}, undefined],
    ['data with DPL 0 at CPL 3', 'ds', data, Select.free, { cpl: 3 }, GP, Select.free],
    ['conforming code with DPL 0 at CPL 3', 'ds', code | 4, Select.free | 3, { cpl: 3 }, undefined],
    ['code that is not readable', 'ds', code & ~2, Select.free, {}, GP, Select.free],
    ['a system segment', 'ds', data & ~0x10, Select.free, {}, GP, Select.free],
    ['data that is not present', 'ds', data & ~0x80, Select.free, {}, NP, Select.free],
    ['a stack that is not present', 'ss', data & ~0x80, Select.free, {}, SS, Select.free],
    ['a stack that is not writable', 'ss', data & ~2, Select.free, {}, GP, Select.free],
    ['a stack with another DPL', 'ss', data | Rights.user, Select.free, {}, GP, Select.free],
    ['a stack with another RPL', 'ss', data, Select.free | 1, {}, GP, Select.free],
    ['code as stack', 'ss', code, Select.free, {}, GP, Select.free],
  ];
  for (const [name, register, rights, selector, start, vector, error] of cases) {
    it(`${name}: ${vector === undefined ? 'loads' : `vector ${vector}, code ${error!.toString(16)}h`}`, () => {
      const end = load(register, rights, selector, start);
      // HLT after the code is #GP(0) at CPL 3
      if (vector !== undefined) expect(end).to.include({ vector, code: error });
      else expect(machine.word(register === 'ds' ? 'DS_SELECTOR' : 'SS_SELECTOR')).to.equal(selector);
    });
  }
  it('loads set the accessed bit of the descriptor', () => {
    load('ds', data & ~1, Select.free);
    expect((machine.peek64(At.gdt + Select.free) >> 40n) & 1n).to.equal(1n);
  });
  it('MOV to CS is #UD', () => {
    machine.start();
    machine.poke(At.kernelCode, 0x8e, 0xc8);
    expect(machine.go().vector).to.equal(UD);
  });
});

describe('Segment limits', () => {
  /** Reads a double word at an offset of a 32-bit segment at 20000H. */
  const read = (rights: number, limit: number, offset: number): Ending => {
    machine.start({ bits: 32 });
    machine.describe(Select.free, descriptor(At.pages, limit, rights));
    machine.set('RBX', offset);
    machine.poke32(At.pages + 0xffc, 0x12345678);
    return machine.run64(`mov eax, ${Select.free}`, 'mov ds, ax', 'mov eax, [ebx]');
  };
  it('end an expand-up segment after its last byte', () => {
    expect(read(0x4093, 0xfff, 0xffc).vector).to.equal(undefined);
    expect(machine.get('RAX')).to.equal(0x12345678n);
    expect(read(0x4093, 0xfff, 0xffd)).to.include({ vector: GP, code: 0 });
  });
  it('begin an expand-down segment after the limit', () => {
    expect(read(0x4097, 0xffb, 0xffc).vector).to.equal(undefined);
    expect(read(0x4097, 0xffb, 0xffb)).to.include({ vector: GP, code: 0 });
  });
  it('raise #SS(0) on the stack', () => {
    // at CPL 3, because the handler needs another stack
    machine.start({ bits: 32, cpl: 3 });
    machine.describe(Select.free, descriptor(At.userStackTop - 0x1000, 0xfff, 0x40f3));
    expect(machine.run64(`mov eax, ${Select.free | 3}`, 'mov ss, ax', 'mov esp, 0x1004', 'pop eax')).to.include({
      vector: SS,
      code: 0,
    });
  });
  it('are not writable where the rights say so', () => {
    machine.start({ bits: 32 });
    machine.describe(Select.free, descriptor(0, 0xffffffff, 0xc091));
    expect(machine.run64(`mov eax, ${Select.free}`, 'mov ds, ax', 'mov [0x20000], eax')).to.include({
      vector: GP,
      code: 0,
    });
  });
  it('of a null segment: #GP(0)', () => {
    machine.start({ bits: 32 });
    expect(machine.run64('xor eax, eax', 'mov ds, ax', 'mov eax, [0x20000]')).to.include({ vector: GP, code: 0 });
  });
});

describe('Far transfers', () => {
  it('JMP to 32-bit code from 64-bit mode and back', () => {
    machine.start();
    machine.write(At.pages, ['inc ecx', `push ${Select.code64}`, `push ${At.kernelCode + 0x100}`, 'retf'], 32);
    machine.write(At.kernelCode + 0x100, ['inc rdx'], 64);
    machine.poke32(At.pages + 0x800, At.pages);
    machine.poke32(At.pages + 0x804, Select.code32);
    machine.set('RBX', At.pages + 0x800);
    machine.run64('.byte 0xff, 0x2b'); // JMP m16:32 [rbx]
    expect([machine.get('RCX'), machine.get('RDX')]).to.deep.equal([1n, 1n]);
  });
  it('a call gate changes privilege, stack, and copies parameters', () => {
    machine.start({ bits: 32, cpl: 3 });
    const gate =
      BigInt(At.pages & 0xffff) |
      (BigInt(Select.code32) << 16n) |
      (2n << 32n) |
      (0xecn << 40n) |
      (BigInt(At.pages >> 16) << 48n);
    machine.describe(Select.free, gate);
    machine.write(At.pages, ['mov ebx, [esp + 8]', 'mov ecx, [esp + 12]', 'retf 8'], 32);
    machine.poke(At.userCode, 0x6a, 1, 0x6a, 2, 0x9a, 0, 0, 0, 0, Select.free, 0, 0x0f, 0x0b);
    const end = machine.go();
    expect(end).to.include({ vector: UD, rip: At.userCode + 11 });
    expect([machine.get('RBX'), machine.get('RCX')]).to.deep.equal([2n, 1n]);
    expect(end.frame).to.include({ rsp: At.userStackTop, cs: Select.userCode32 });
  });
  const refused: readonly [string, number, number, number][] = [
    ['a data segment', Rights.data32, GP, Select.free],
    ['code with another DPL', Rights.code32 | Rights.user, GP, Select.free],
    ['code that is not present', Rights.code32 & ~0x80, NP, Select.free],
  ];
  for (const [name, rights, vector, code] of refused) {
    it(`JMP to ${name} is refused`, () => {
      machine.start({ bits: 32 });
      machine.describe(Select.free, descriptor(0, 0xffffffff, rights));
      machine.poke(At.kernelCode, 0xea, 0, 0, 2, 0, Select.free, 0);
      expect(machine.go()).to.include({ vector, code, rip: At.kernelCode });
    });
  }
  it('JMP to a null selector is #GP(0), beyond the limit too', () => {
    machine.start({ bits: 32 });
    machine.poke(At.kernelCode, 0xea, 0, 0, 2, 0, 0, 0);
    expect(machine.go()).to.include({ vector: GP, code: 0 });
    machine.start({ bits: 32 });
    machine.describe(Select.free, descriptor(0, 0xfff, 0x409b));
    machine.poke(At.kernelCode, 0xea, 0, 0, 2, 0, Select.free, 0);
    expect(machine.go()).to.include({ vector: GP, code: 0 });
  });
  it('near JMP beyond the limit of CS is #GP(0) at the branch', () => {
    machine.start({ bits: 32 });
    machine.describe(Select.free, descriptor(0, At.kernelCode + 0xfff, 0x409b));
    machine.write(At.kernelCode + 0x100, ['mov eax, 0x20000', 'jmp eax'], 32);
    machine.poke(At.kernelCode, 0xea, 0, 1, 1, 0, Select.free, 0);
    expect(machine.go()).to.include({ vector: GP, code: 0, rip: At.kernelCode + 0x105 });
  });
});

describe('Tests of selectors', () => {
  it('LAR and LSL give rights and limit, and ZF', () => {
    machine.start();
    machine.describe(Select.free, descriptor(0, 0x12fff, Rights.data32));
    machine.run64(
      `mov eax, ${Select.free}`,
      'lar ebx, eax',
      'lsl ecx, eax',
      'setz dl',
      'mov eax, 0x208',
      'lar esi, eax',
      'setz dh',
    );
    expect([machine.get('RBX'), machine.get('RCX'), machine.get('RDX')]).to.deep.equal([0xc09300n, 0x12fffn, 1n]);
  });
  it('VERR and VERW', () => {
    machine.start();
    machine.run64(
      `mov eax, ${Select.code32}`,
      'verr ax',
      'setz bl',
      'verw ax',
      'setz cl',
      `mov eax, ${Select.data}`,
      'verw ax',
      'setz dl',
    );
    expect([machine.get('RBX'), machine.get('RCX'), machine.get('RDX')]).to.deep.equal([1n, 0n, 1n]);
  });
  it('ARPL raises the RPL', () => {
    machine.start({ bits: 32 });
    machine.run64('mov eax, 0x58', 'mov ebx, 3', 'arpl ax, bx', 'setz cl', 'arpl ax, bx', 'setz dl');
    expect([machine.get('RAX'), machine.get('RCX'), machine.get('RDX')]).to.deep.equal([0x5bn, 1n, 0n]);
  });
});

describe('System segments and bases', () => {
  it('LTR leaves a TSS available that it refuses for its base or for the type of its upper half', () => {
    const available = 0x0000890000420067n;
    for (const upper of [0x8000n, 0x1f0000000000n]) {
      machine.start();
      machine.describe(Select.free, available);
      machine.poke64(At.gdt + Select.free + 8, upper);
      const end = machine.run64(`mov eax, ${Select.free}`, 'ltr ax');
      expect(end).to.include({ vector: GP, code: Select.free });
      expect(machine.peek64(At.gdt + Select.free)).to.equal(available);
      expect(machine.word('TR_SELECTOR')).to.equal(Select.tss);
    }
  });
  it('LTR makes the TSS busy, a busy one is #GP', () => {
    machine.start();
    machine.describe(Select.tss, descriptor(At.tss, 0x67, 0x89));
    machine.run64(`mov eax, ${Select.tss}`, 'ltr ax');
    expect((machine.peek64(At.gdt + Select.tss) >> 40n) & 0xffn).to.equal(0x8bn);
    machine.start();
    expect(machine.run64(`mov eax, ${Select.tss}`, 'ltr ax')).to.include({ vector: GP, code: Select.tss });
  });
  it('SGDT stores what LGDT loaded, with a base of 64 bits', () => {
    machine.start();
    machine.set('RBX', At.pages);
    machine.poke(At.pages, 0xff, 0x01);
    machine.poke64(At.pages + 2 - 2, 0x1ffn | (0x123456789abcn << 16n));
    machine.run64('lgdt [rbx]', 'sgdt [rbx + 16]');
    expect(machine.peek64(At.pages + 16)).to.equal(0x123456789abc01ffn);
    expect(machine.get('GDTR_BASE')).to.equal(0x123456789abcn);
    expect(machine.word('GDTR_LIMIT')).to.equal(0x1ff);
  });
  it('WRFSBASE needs CR4.FSGSBASE; SWAPGS exchanges', () => {
    machine.start();
    expect(machine.run64('wrfsbase rax').vector).to.equal(UD);
    machine.start();
    machine.set('CR4', machine.get('CR4') | 0x10000n);
    machine.set('RAX', 0x1234);
    machine.set('KERNEL_GS_BASE', 0x5678);
    machine.run64('wrgsbase rax', 'swapgs', 'rdgsbase rbx', 'wrfsbase rbx', 'mov ecx, 1');
    expect([machine.get('GS_BASE'), machine.get('FS_BASE'), machine.get('KERNEL_GS_BASE')]).to.deep.equal([
      0x5678n,
      0x5678n,
      0x1234n,
    ]);
  });
  it('UMIP refuses SGDT, SIDT, SLDT, STR and SMSW at CPL 3', () => {
    for (const instruction of ['sgdt [rbx]', 'sidt [rbx]', 'sldt eax', 'str eax', 'smsw eax']) {
      machine.start({ cpl: 3 });
      machine.set('CR4', machine.get('CR4') | 0x800n);
      machine.set('RBX', At.userStackTop - 64);
      expect(machine.run64(instruction), instruction).to.include({ vector: GP, code: 0 });
      machine.start({ cpl: 3 });
      machine.set('RBX', At.userStackTop - 64);
      expect(machine.run64(instruction, 'ud2').vector, instruction).to.equal(UD);
    }
  });
});
