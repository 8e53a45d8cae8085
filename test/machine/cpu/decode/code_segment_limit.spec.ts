// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Rights, Segment, setSegment } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();

/** 32-bit code whose segment ends at an offset. */
function limited(limit: number): SystemMachine {
  machine.start({ bits: 32, paging: 'none' });
  setSegment(machine, Segment.CS, Select.code32, 0, limit, Rights.code32);
  machine.stateChanged();
  return machine;
}

describe('The limit of the code segment', () => {
  it('ends the code in the middle of a page, at the instruction beyond it', () => {
    const { vector, code, rip } = limited(At.kernelCode + 2).run64('inc eax', 'inc eax', 'inc eax', 'inc eax');
    expect([vector, code, rip, machine.get('RAX')]).to.deep.equal([13, 0, At.kernelCode + 3, 3n]);
  });
  it('is #GP(0) for an instruction that goes beyond it', () => {
    const { vector, code, rip } = limited(At.kernelCode + 4).run64('inc eax', 'mov ebx, 5');
    expect([vector, code, rip]).to.deep.equal([13, 0, At.kernelCode + 1]);
  });
  it('allows an instruction that ends with it', () => {
    limited(At.kernelCode + 5).run64('inc eax', 'mov ebx, 5');
    expect([machine.get('RAX'), machine.get('RBX')]).to.deep.equal([1n, 5n]);
  });
  it('holds for code that was decoded under a larger one', () => {
    limited(0xffffffff).run64('inc eax', 'inc eax', 'inc eax');
    setSegment(machine, Segment.CS, Select.code32, 0, At.kernelCode + 1, Rights.code32);
    machine.set('RIP', At.kernelCode);
    machine.u32[Layout.ACTIVITY / 4] = 0;
    machine.stateChanged();
    const { vector, rip } = machine.go();
    expect([vector, rip]).to.deep.equal([13, At.kernelCode + 2]);
  });
  it('at the end of a page is #GP(0) for what crosses, even if the next page is absent', () => {
    machine.start({ bits: 32 });
    setSegment(machine, Segment.CS, Select.code32, 0, At.pages + 0xfff, Rights.code32);
    machine.map(At.pages + 0x1000, 0, 0n);
    machine.poke(At.pages + 0xffe, 0xb8, 1, 2, 3, 4);
    machine.codeChanged(At.pages, 0x1010);
    machine.set('RIP', At.pages + 0xffe);
    machine.stateChanged();
    const { vector, code, rip } = machine.go();
    expect([vector, code, rip]).to.deep.equal([13, 0, At.pages + 0xffe]);
  });
  it('of real-address mode is #GP beyond offset FFFFH', () => {
    machine.start({ bits: 16 });
    machine.poke(13 * 4, 0, 0, 0, 0x30);
    machine.poke(0x30000, 0xf4);
    machine.poke(0x10000 + 0xfffe, 0xb8, 1); // mov ax, … of which one byte is left
    machine.codeChanged(0, 0x31000);
    machine.set('RIP', 0xfffe);
    machine.go();
    expect([machine.word('CS_SELECTOR'), machine.get('RIP')]).to.deep.equal([0x3000, 1n]);
  });
});

describe('A null FS or GS', () => {
  const nullFs = (): SystemMachine => {
    machine.start({ bits: 32, paging: 'none' });
    for (const segment of [Segment.FS, Segment.GS]) setSegment(machine, segment, 0, 0, 0, Rights.unusable);
    machine.stateChanged();
    return machine;
  };
  it('is #GP(0) when it is used, while all other segments are flat', () => {
    for (const line of [
      'mov eax, fs:[0x20000]',
      'mov gs:[0x20000], al',
      '.byte 0x64; lodsb',
      'push dword ptr fs:[0]',
    ]) {
      const { vector, code, rip } = nullFs().run64('inc ebx', ...line.split('; '));
      expect([line, vector, code, rip]).to.deep.equal([line, 13, 0, At.kernelCode + 1]);
    }
  });
  it('does not disturb what names it without an access', () => {
    nullFs().run64('lea eax, fs:[0x20000]', 'mov ebx, [0x20000]');
    expect(machine.get('RAX')).to.equal(0x20000n);
  });
  it('has no meaning in 64-bit mode', () => {
    machine.start();
    for (const segment of [Segment.FS, Segment.GS]) setSegment(machine, segment, 0, 0, 0, Rights.unusable);
    machine.stateChanged();
    expect(machine.run64('mov eax, fs:[0x20000]', 'mov ebx, gs:[0x20000]').vector).to.equal(undefined);
  });
});

describe('A RIP-relative operand', () => {
  it('reaches 2 GiB forwards and backwards', () => {
    machine.start();
    // lea rax, [rip + 7fffffffh]; lea rbx, [rip − 80000000h]; lea ecx, [eip + 7fffffffh]
    machine.poke(At.kernelCode, 0x48, 0x8d, 0x05, 0xff, 0xff, 0xff, 0x7f, 0x48, 0x8d, 0x1d, 0, 0, 0, 0x80);
    machine.poke(At.kernelCode + 14, 0x67, 0x8d, 0x0d, 0xff, 0xff, 0xff, 0x7f, 0xf4);
    machine.codeChanged(At.kernelCode, 32);
    machine.go();
    expect(machine.get('RAX')).to.equal(BigInt(At.kernelCode + 7 + 0x7fffffff));
    expect(machine.get('RBX')).to.equal(BigInt.asUintN(64, BigInt(At.kernelCode + 14 - 0x80000000)));
    expect(machine.get('RCX')).to.equal(BigInt(At.kernelCode + 21 + 0x7fffffff) & 0xffffffffn);
  });
});
