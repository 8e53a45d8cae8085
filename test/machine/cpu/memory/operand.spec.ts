// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Rights, Segment, setSegment } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine, type Start } from '../../../support/system_machine.js';

const outputs: number[] = [];
const deviceReads: number[] = [];
const machine = await SystemMachine.make({
  mmioRead: (address) => {
    deviceReads.push(address);
    return 0;
  },
  portWrite: (_port, _size, value) => {
    outputs.push(value);
  },
});
const UD = 6;
const NM = 7;
const GP = 13;
const PF = 14;
const MF = 16;
const data = At.pages;
const lines = (text: string): string[] => text.split('; ');

describe('A write through CS outside 64-bit mode', () => {
  const writes = [
    'mov cs:[eax], cl',
    'mov cs:[eax], ecx',
    `.byte 0x2e, 0xa2, 0, 0, 2, 0`,
    'add cs:[eax], ecx',
    'lock inc dword ptr cs:[eax]',
    'xchg cs:[eax], ecx',
    'cmpxchg cs:[eax], ecx',
    'cmpxchg8b cs:[eax]',
    'bts cs:[eax], ecx',
    'mov ecx, -8; bts cs:[eax], ecx',
    'mov ecx, 0x7fffffff; btc cs:[eax], ecx',
    'setz cs:[eax]',
    'pop dword ptr cs:[eax]',
    'mov cs:[eax], ds',
    'sgdt cs:[eax]',
    'movups cs:[eax], xmm0',
    'movd cs:[eax], mm0',
    '.byte 0x2e, 0x66, 0x0f, 0xf7, 0xc0',
    'fxsave cs:[eax]',
    'fninit; fst dword ptr cs:[eax]',
    'fnstenv cs:[eax]',
    'fnsave cs:[eax]',
    'fnstcw cs:[eax]',
  ];
  /** 32-bit code with flat segments; all of memory that is looked at is 0. */
  const flat = (start: Start): void => {
    machine.start({ bits: 32, ...start });
    machine.set('RAX', data);
    machine.set('RDI', data);
  };
  for (const start of [{ paging: 'none' }, { paging: '32-bit' }, { paging: '4-level' }] as const) {
    for (const write of writes) {
      it(`is #GP(0) and writes nothing, paging ${start.paging}: ${write}`, () => {
        flat(start);
        const { vector, code } = machine.run64('pcmpeqb xmm0, xmm0', ...lines(write));
        expect({ vector, code }).to.deep.equal({ vector: GP, code: 0 });
        expect(machine.peek64(data)).to.equal(0n);
      });
    }
    it(`is #GP(0) where the page has a write tag, paging ${start.paging}`, () => {
      flat(start);
      expect(machine.run64('mov byte ptr [eax], 1', 'mov byte ptr cs:[eax], 2')).to.include({ vector: GP, code: 0 });
      expect(machine.peek64(data)).to.equal(1n);
    });
    it(`does not keep CS from being read, paging ${start.paging}`, () => {
      flat(start);
      machine.poke(data, 1, 2, 3, 4);
      machine.set('RSI', data);
      machine.set('RBX', data);
      const reads = [
        'mov ecx, cs:[eax]',
        'push dword ptr cs:[eax]',
        'bt dword ptr cs:[eax], 1',
        'pop edx',
        'xor eax, eax',
      ];
      expect(machine.run64(...reads, '.byte 0x2e, 0xd7', '.byte 0x2e; movsb').vector).to.equal(undefined);
      expect([machine.get('RCX'), machine.get('RDX'), machine.get('RAX')]).to.deep.equal([
        0x04030201n,
        0x04030201n,
        1n,
      ]);
    });
  }
  it('is allowed in real-address mode', () => {
    machine.start({ bits: 16 });
    for (const segment of Object.values(Segment).filter((number) => number < Segment.LDTR))
      setSegment(machine, segment, 0, 0, 0xffffffff, segment === Segment.CS ? Rights.code16 : Rights.data16);
    machine.set('RIP', At.kernelCode);
    machine.stateChanged();
    machine.set('RAX', data);
    machine.run64('mov byte ptr cs:[eax], 7');
    expect(machine.peek64(data)).to.equal(7n);
  });
});

/** 32-bit code with flat segments, but FS and GS null. */
function nullFsGs(start: Start = {}): void {
  machine.start({ bits: 32, paging: 'none', ...start });
  for (const segment of [Segment.FS, Segment.GS]) setSegment(machine, segment, 0, 0, 0, Rights.unusable);
  machine.set('RAX', data);
  machine.stateChanged();
}

describe('CLFLUSH outside 64-bit mode', () => {
  const limit = 0x3_0000;
  /** 32-bit code whose segment may not be read, as other than flat segments or with flat ones. */
  const executeOnly = (codeLimit: number): void => {
    machine.start({ bits: 32, paging: 'none' });
    setSegment(machine, Segment.CS, Select.code32, 0, codeLimit, Rights.code32 & ~2);
    machine.set('RAX', data);
    machine.stateChanged();
  };
  for (const flush of ['clflush cs:[eax]', 'clflushopt cs:[eax]', 'add eax, 63; clflush cs:[eax]']) {
    it(`may name an execute-only segment, which a load may not: ${flush}`, () => {
      for (const codeLimit of [0xffffffff, limit - 1]) {
        executeOnly(codeLimit);
        expect(machine.run64(...lines(flush)).vector).to.equal(undefined);
        executeOnly(codeLimit);
        expect(machine.run64('mov cl, cs:[eax]')).to.include({ vector: GP, code: 0 });
      }
    });
  }
  it('is #GP(0) beyond the limit, and in a null segment', () => {
    executeOnly(limit - 1);
    machine.set('RAX', limit);
    expect(machine.run64('clflush cs:[eax]')).to.include({ vector: GP, code: 0 });
    nullFsGs();
    expect(machine.run64('clflush fs:[eax]')).to.include({ vector: GP, code: 0 });
  });
  it('reads no device, which a load does', () => {
    const device = 0xfee0_0000;
    const after = (code: string): number[] => {
      machine.start({ bits: 32, paging: 'none' });
      machine.set('RAX', device);
      deviceReads.length = 0;
      machine.run64(code);
      return deviceReads;
    };
    expect([...after('mov cl, [eax]')]).to.deep.equal([device]);
    expect([...after('clflush [eax]')]).to.deep.equal([]);
  });
  it('is #PF where a load is', () => {
    machine.start({ bits: 32, paging: '32-bit' });
    machine.set('RAX', 0x7fff_f000);
    expect(machine.run64('clflush [eax]').vector).to.equal(PF);
  });
});

describe('An operand in a null FS or GS', () => {
  const hints = [0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x0d];
  it('does not fault where nothing is accessed: NOP, prefetches, INVLPG', () => {
    for (const prefix of [0x64, 0x65]) {
      for (const hint of hints) {
        for (let register = 0; register < 8; register++) {
          nullFsGs();
          const bytes = [prefix, 0x0f, hint, register << 3];
          const { vector } = machine.run64(`.byte ${bytes.join(', ')}`);
          expect([bytes, vector]).to.deep.equal([bytes, undefined]);
        }
      }
    }
    nullFsGs();
    expect(machine.run64('invlpg fs:[eax]', 'invlpg gs:[eax]').vector).to.equal(undefined);
  });
  for (const [title, start, code, vector] of [
    ['no SSE', { cr4: 0 }, 'addps xmm0, fs:[eax]', UD],
    ['no SSE', { cr4: 0 }, 'movups fs:[eax], xmm0', UD],
    ['no XSAVE', {}, 'xsave fs:[eax]', UD],
    ['no VMX', {}, 'vmptrld fs:[eax]', UD],
    ['CR0.TS', { cr0: 0x29 }, 'fld dword ptr fs:[eax]', NM],
    ['CR0.TS', { cr0: 0x29 }, 'paddb mm0, gs:[eax]', NM],
    ['CR0.EM', { cr0: 0x25 }, 'paddb mm0, gs:[eax]', UD],
    ['a pending x87 exception', {}, 'fninit; push 0x37b; fldcw [esp]; fld1; fldz; fdivp; fadd dword ptr fs:[eax]', MF],
    ['a pending x87 exception', {}, 'fninit; push 0x37b; fldcw [esp]; fld1; fldz; fdivp; fst dword ptr fs:[eax]', MF],
    ['a pending x87 exception', {}, 'fninit; push 0x37b; fldcw [esp]; fld1; fldz; fdivp; paddb mm0, fs:[eax]', MF],
  ] as const) {
    it(`faults after ${title}: ${code} is vector ${vector}`, () => {
      nullFsGs(start);
      expect(machine.run64(...lines(code)).vector).to.equal(vector);
    });
  }
  for (const code of [
    'mov ecx, fs:[eax]',
    'mov gs:[eax], ecx',
    'add gs:[eax], ecx',
    'bt fs:[eax], ecx',
    'mov ecx, -1; bts fs:[eax], ecx',
    'push dword ptr fs:[eax]',
    'pop dword ptr fs:[eax]',
    'call fs:[eax]',
    'movups xmm0, gs:[eax]',
    'fld dword ptr fs:[eax]',
    'fnsave fs:[eax]',
    'fxsave gs:[eax]',
    'cmpxchg8b fs:[eax]',
    'lgdt fs:[eax]',
    'sidt fs:[eax]',
    '.byte 0x64; lodsb',
    '.byte 0x65, 0xa5',
    'mov ecx, 1; .byte 0x64, 0xf3, 0xa5',
    '.byte 0x64; cmpsb',
    '.byte 0x64, 0xd7',
    '.byte 0x65, 0x0f, 0xf7, 0xc0',
    '.byte 0x64; outsb',
  ]) {
    it(`is #GP(0): ${code}`, () => {
      nullFsGs();
      outputs.length = 0;
      expect(machine.run64('inc ebx', ...lines(code))).to.include({ vector: GP, code: 0 });
      expect(outputs).to.deep.equal([]);
    });
  }
});

/** Operands whose alignment is checked as a whole: instruction on [rdi] in 64-bit mode, alignment. SDM 3A "Alignment Check Exception (#AC)". */
const alignments: readonly (readonly [string, number])[] = [
  ['mov [rdi], cx', 2],
  ['mov [rdi], ecx', 4],
  ['mov [rdi], rcx', 8],
  ['mov [rdi], ds', 2],
  ['lock add [rdi], ecx', 4],
  ['cmpxchg8b [rdi]', 8],
  ['push qword ptr [rdi]', 8],
  ['pop qword ptr [rdi]', 8],
  ['stosd', 4],
  ['sgdt [rdi]', 4],
  ['sidt [rdi]', 4],
  ['insd', 4],
  ['insw', 2],
  ['fst dword ptr [rdi]', 4],
  ['fstp dword ptr [rdi]', 4],
  ['fst qword ptr [rdi]', 8],
  ['fstp qword ptr [rdi]', 8],
  ['fstp tbyte ptr [rdi]', 8],
  ['fbstp tbyte ptr [rdi]', 8],
  ['fist word ptr [rdi]', 2],
  ['fistp dword ptr [rdi]', 4],
  ['fistp qword ptr [rdi]', 8],
  ['fisttp word ptr [rdi]', 2],
  ['fisttp dword ptr [rdi]', 4],
  ['fisttp qword ptr [rdi]', 8],
  ['fadd dword ptr [rdi]', 4],
  ['fld tbyte ptr [rdi]', 8],
  ['fbld tbyte ptr [rdi]', 8],
  ['fild qword ptr [rdi]', 8],
  ['fldcw [rdi]', 2],
  ['fnstcw [rdi]', 2],
  ['fnstsw [rdi]', 2],
  ['fnstenv [rdi]', 4],
  ['.byte 0x66; fnstenv [rdi]', 2],
  ['fldenv [rdi]', 4],
  ['.byte 0x66; fldenv [rdi]', 2],
  ['fnsave [rdi]', 4],
  ['.byte 0x66; fnsave [rdi]', 2],
  ['frstor [rdi]', 4],
  ['.byte 0x66; frstor [rdi]', 2],
  ['movq [rdi], mm0', 8],
  ['punpcklbw mm0, [rdi]', 4],
  ['movlps [rdi], xmm0', 8],
  ['movd [rdi], xmm0', 4],
  ['stmxcsr [rdi]', 4],
  ['ldmxcsr [rdi]', 4],
  // accesses of 16 bytes are not checked
  ['movups [rdi], xmm0', 1],
  ['maskmovdqu xmm0, xmm0', 1],
];

describe('With alignment checks on', () => {
  const AC = 17;
  const at = At.userStackTop - 0x1000;
  const checked = { cr0: 0x80050031, rflags: 0x43002 };
  /** x87 and SSE state that an instruction would change: C1, an exception flag, a pointer. */
  const setFpu = (): void => {
    const image = new Uint8Array(512);
    const view = new DataView(image.buffer);
    view.setUint16(0, 0x37f, true);
    view.setUint16(2, 0x3a00, true);
    image[4] = 0x80;
    view.setUint32(24, 0x1f80, true);
    image.set([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f], 32);
    image.fill(0xff, 160, 192);
    machine.loadFx(image);
    machine.set('X87_IP', 0x1234);
    machine.set('X87_DP', 0x5678);
  };
  const state = (): unknown[] => [
    ...['RAX', 'RCX', 'RDX', 'RDI', 'X87_IP', 'X87_DP'].map((name) => machine.get(name as 'RAX')),
    machine.word('X87_OPCODE'),
    Buffer.from(machine.saveFx()).toString('hex'),
    Buffer.from(machine.u8.subarray(Layout.RAM + at, Layout.RAM + at + 128)).toString('hex'),
  ];
  for (const [code, alignment] of alignments) {
    it(`${code} is ${alignment === 1 ? 'allowed at every address' : `#AC(0) unless aligned to ${alignment} bytes`}, and changes nothing`, () => {
      for (const offset of [1, 2, 4, 8]) {
        machine.start({ ...checked, cpl: 3 });
        setFpu();
        machine.set('RDI', at + offset);
        machine.set('RSP', At.userStackTop - 64);
        const before = state();
        const length = machine.write(At.userCode, lines(code));
        const { vector, code: error, rip, frame } = machine.go();
        if (offset % alignment === 0)
          expect([offset, vector, rip]).to.deep.equal([offset, GP, At.userCode + length]); // the HLT after it
        else {
          expect([offset, vector, error, rip]).to.deep.equal([offset, AC, 0, At.userCode]);
          expect(frame.rsp).to.equal(At.userStackTop - 64);
          expect(state()).to.deep.equal(before);
        }
      }
    });
  }
  it('maskmovq is #AC(0) unless aligned to 8 bytes; the transition to MMX state has happened then', () => {
    for (const offset of [1, 2, 4]) {
      machine.start({ ...checked, cpl: 3 });
      setFpu();
      machine.set('RDI', at + offset);
      expect(machine.run64('maskmovq mm0, mm0')).to.include({ vector: AC, code: 0, rip: At.userCode });
      expect([machine.word('X87_TAGS'), machine.peek64(at)]).to.deep.equal([0xff, 0n]);
    }
  });
});
