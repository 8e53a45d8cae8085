// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { run, runBytes } from '../../../support/run.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const UD = 6;
const all = 0xffffffffffffffffn;
/** CF, PF, AF, ZF, SF, OF. */
const status = 0x8d5;

describe('BMI1 and BMI2', () => {
  it('ANDN: NOT of the first source only', () => {
    expect(run({ rbx: 0xf0, rcx: 0xff, rflags: 0x8c3 }, 'andn rax, rbx, rcx'))
      .to.include({ rax: 0xfn })
      .and.to.have.property('flags')
      .that.does.not.match(/CF|OF|SF|ZF/);
    expect(run({ rbx: 0, rcx: all, rax: all }, 'andn eax, ebx, ecx'))
      .to.include({ rax: 0xffffffffn })
      .and.to.have.property('flags')
      .that.contains('SF');
  });
  it('BEXTR: start and length, also beyond the operand', () => {
    const bextr = (control: number, code = 'bextr rax, rbx, rcx'): bigint =>
      run({ rbx: 0xfedcba9876543210n, rcx: control }, code).rax;
    expect(bextr(0x0804)).to.equal(0x21n);
    expect(bextr(0x4004)).to.equal(0xfedcba987654321n);
    expect(bextr(0xff3c)).to.equal(0xfn);
    expect(bextr(0x0840)).to.equal(0n);
    expect(bextr(0x0004)).to.equal(0n);
    expect(bextr(0x1018, 'bextr eax, ebx, ecx')).to.equal(0x76n);
    expect(bextr(0x1020, 'bextr eax, ebx, ecx')).to.equal(0n);
  });
  it('BLSI, BLSMSK, BLSR: result and CF, also of 0', () => {
    const of = (code: string, value: bigint): [bigint, boolean] => {
      const { rax, flags } = run({ rbx: value, rflags: 2 }, `${code} rax, rbx`);
      return [rax, flags.includes('CF')];
    };
    expect(of('blsi', 0x58n)).to.deep.equal([8n, true]);
    expect(of('blsi', 0n)).to.deep.equal([0n, false]);
    expect(of('blsmsk', 0x58n)).to.deep.equal([0xfn, false]);
    expect(of('blsmsk', 0n)).to.deep.equal([all, true]);
    expect(of('blsr', 0x58n)).to.deep.equal([0x50n, false]);
    expect(of('blsr', 0n)).to.deep.equal([0n, true]);
    expect(run({ rbx: 1n << 32n }, 'blsr eax, ebx').flags).to.contain('CF');
  });
  it('BZHI: the index is a byte; at the operand size and above CF is 1', () => {
    const bzhi = (index: number, code = 'bzhi rax, rbx, rcx'): [bigint, boolean] => {
      const { rax, flags } = run({ rbx: all, rcx: index }, code);
      return [rax, flags.includes('CF')];
    };
    expect(bzhi(0x104)).to.deep.equal([0xfn, false]);
    expect(bzhi(64)).to.deep.equal([all, true]);
    expect(bzhi(255)).to.deep.equal([all, true]);
    expect(bzhi(31, 'bzhi eax, ebx, ecx')).to.deep.equal([0x7fffffffn, false]);
    expect(bzhi(32, 'bzhi eax, ebx, ecx')).to.deep.equal([0xffffffffn, true]);
  });
  it('MULX: both halves; the upper one wins in one register', () => {
    expect(run({ rdx: all, rbx: all }, 'mulx rax, rcx, rbx')).to.include({ rax: all - 1n, rcx: 1n, flags: '' });
    expect(run({ rdx: all, rbx: all }, 'mulx eax, ecx, ebx')).to.include({ rax: 0xfffffffen, rcx: 1n });
    expect(run({ rdx: all, rbx: all }, 'mulx rax, rax, rbx').rax).to.equal(all - 1n);
  });
  it('PDEP and PEXT move bits to and from the places of the mask', () => {
    const given = { rbx: 0x12345n, rcx: 0x8000ff00f0f00001n };
    expect(run(given, 'pdep rax, rbx, rcx', 'pext rdx, rax, rcx')).to.include({ rax: 0x9100a0200001n, rdx: 0x12345n });
    expect(run({ rbx: all, rcx: all }, 'pext eax, ebx, ecx').rax).to.equal(0xffffffffn);
    expect(run({ rbx: all, rcx: all << 28n }, 'pdep eax, ebx, ecx').rax).to.equal(0xf0000000n);
  });
  it('shifts and RORX leave the flags and mask the count', () => {
    const given = { rbx: 0x8000000000000001n, rcx: 65, rflags: 2 | status };
    const { flags } = run({ rflags: 2 | status }, 'nop');
    expect(run(given, 'sarx rax, rbx, rcx')).to.include({ rax: 0xc000000000000000n, flags });
    expect(run(given, 'shlx rax, rbx, rcx')).to.include({ rax: 2n, flags });
    expect(run(given, 'shrx rax, rbx, rcx')).to.include({ rax: 0x4000000000000000n, flags });
    expect(run(given, 'rorx rax, rbx, 1')).to.include({ rax: 0xc000000000000000n, flags });
    expect(run({ rbx: 0x80000001n, rcx: 33 }, 'sarx eax, ebx, ecx').rax).to.equal(0xc0000000n);
    expect(run({ rbx: 3 }, 'rorx eax, ebx, 33').rax).to.equal(0x80000001n);
  });
});

describe('The VEX prefix', () => {
  /** ANDN EAX, EBX, ECX, which gives RCX here. */
  const andn = [0xc4, 0xe2, 0x60, 0xf2, 0xc1];
  const wrong: readonly (readonly [string, readonly number[]])[] = [
    ['LOCK before it', [0xf0, ...andn]],
    ['66 before it', [0x66, ...andn]],
    ['F2 before it', [0xf2, ...andn]],
    ['F3 before it', [0xf3, ...andn]],
    ['REX before it', [0x48, ...andn]],
    ['L = 1', [0xc4, 0xe2, 0x64, 0xf2, 0xc1]],
    ['another pp', [0xc4, 0xe2, 0x61, 0xf2, 0xc1]],
    ['a map that does not exist', [0xc4, 0xe0, 0x60, 0xf2, 0xc1]],
    ['the map of one instruction in another', [0xc4, 0xe3, 0x60, 0xf2, 0xc1]],
    ['vvvv in RORX', [0xc4, 0xe3, 0x63, 0xf0, 0xc1, 1]],
    ['an instruction of AVX', [0xc5, 0xf8, 0x58, 0xc1]],
  ];
  it('runs in 64- and 32-bit code', () => {
    expect(runBytes(andn, { rcx: 5 }).rax).to.equal(5n);
    // W is ignored in 32-bit code, and so is vvvv[3]
    for (const third of [0x60, 0xe0, 0x20])
      expect(runBytes([0xc4, 0xe2, third, 0xf2, 0xc1], { bits: 32, rcx: 5 }).rax).to.equal(5n);
  });
  it('takes segment and address-size prefixes, and registers up to R15', () => {
    expect(run({ r9: 0xff, r10: 0x1ff }, 'andn r8, r9, r10').r8).to.equal(0x100n);
    expect(runBytes([0x64, 0x67, ...andn.slice(0, 4), 0x03], { rbx: 0x20000, memory: { 0x20000: [9] } }).rax).to.equal(
      9n,
    );
  });
  for (const [name, bytes] of wrong) {
    it(`#UD: ${name}`, () => {
      for (const bits of name.startsWith('REX') ? ([64] as const) : ([64, 32] as const))
        expect(runBytes(bytes, { bits, rcx: 5 }).fault?.vector, `${bits} bits`).to.equal(UD);
    });
  }
  it('#UD in real-address mode, in which the bytes are LES with a register', () => {
    expect(runBytes(andn, { bits: 16, rcx: 5 }).fault?.vector).to.equal(UD);
  });
  it('#UD in virtual-8086 mode, and defined in protected mode with 16-bit code', async () => {
    const machine = await SystemMachine.make();
    machine.start({ bits: 32 });
    machine.set('RCX', 5);
    machine.setRflags(0x20002);
    machine.stateChanged();
    machine.poke(At.kernelCode, ...andn, 0xf4);
    expect(machine.go().vector).to.equal(UD);
  });
  it('is LES or LDS with a memory operand outside 64-bit mode', () => {
    // LES EAX, [EBX]: loads the null selector
    const state = runBytes([0xc4, 0x03], { bits: 32, rbx: 0x20000, memory: { 0x20000: [1, 2, 3, 4, 0, 0] } });
    expect([state.fault, state.rax]).to.deep.equal([undefined, 0x04030201n]);
  });
});
