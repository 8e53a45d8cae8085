// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { conditions } from '../../../../src/machine/instructions/row.js';
import { Rights, Segment, setSegment } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();
const HLT = 0xf4;
const GP = 13;
const TF = 0x100;
const RF = 0x10000;
/** RFLAGS with which JO, JB, JZ, JBE, JS, JP, JL and JLE are taken; the opposite conditions are with 2. */
const takenWith = [0x802, 3, 0x42, 3, 0x82, 6, 0x82, 0x42];

/** Protected mode without paging, with a code segment of 16 or 32 bits. */
function codeSegment(bits: 16 | 32, base: number, limit: number): SystemMachine {
  machine.start({ bits: 32, paging: 'none' });
  const rights = bits === 16 ? Rights.code16 : Rights.code32;
  setSegment(machine, Segment.CS, bits === 16 ? Select.code16 : Select.code32, base, limit, rights);
  machine.stateChanged();
  return machine;
}

/** Puts bytes at an offset in CS. */
function place(offset: number, ...bytes: readonly number[]): void {
  const at = (offset + Number(machine.u64[Layout.CS_BASE / 8]!)) % 2 ** 32;
  machine.poke(at, ...bytes);
  machine.codeChanged(at, bytes.length);
}

/** Runs a branch at one offset to a HLT at another. @returns the offset of the HLT that was reached, or the vector. */
function branch(from: number, to: number, ...bytes: readonly number[]): { vector?: number | undefined; rip: number } {
  place(to, HLT);
  place(from, ...bytes);
  machine.set('RIP', from);
  const { vector, rip } = machine.go();
  return { vector, rip };
}

const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor((value >>> 0) / 256 ** i) & 255);

/** Direct branches that are taken with RCX = 1 and all flags 0: name, opcode, bytes of the displacement (0: operand size). */
const direct: readonly (readonly [string, readonly number[], number])[] = [
  ['CALL', [0xe8], 0],
  ['JMP', [0xe9], 0],
  ['JNZ', [0x0f, 0x85], 0],
  ['JMP short', [0xeb], 1],
  ['JNZ short', [0x75], 1],
  ['LOOPNE', [0xe0], 1],
];

describe('A direct branch', () => {
  for (const [name, opcode, width] of direct) {
    for (const bits of [16, 32] as const) {
      for (const prefixed of [false, true]) {
        const size = prefixed === (bits === 16) ? 4 : 2;
        const bytes = [...(prefixed ? [0x66] : []), ...opcode];
        const displacementBytes = width || size;
        const run = (from: number, to: number): { vector?: number | undefined; rip: number } => {
          machine.set('RCX', 2);
          const displacement = to - (from + bytes.length + displacementBytes);
          return branch(from, to, ...bytes, ...little(displacement, displacementBytes));
        };
        const title = `${name} in ${bits}-bit code${prefixed ? ' with 66' : ''}`;
        if (size === 2) {
          it(`wraps at 64 KiB: ${title}`, () => {
            codeSegment(bits, 0x20000, 0xffff);
            expect(run(0xfff0, 0x20)).to.deep.equal({ vector: undefined, rip: 0x20 });
          });
          it(`wraps at 0 backwards: ${title}`, () => {
            codeSegment(bits, 0x20000, 0xffff);
            expect(run(0x20, 0xfff8)).to.deep.equal({ vector: undefined, rip: 0xfff8 });
          });
        } else {
          it(`wraps at 4 GiB: ${title}`, () => {
            codeSegment(bits, 0x20000, 0xffffffff);
            expect(run(0x20, 0xfffffff0)).to.deep.equal({ vector: undefined, rip: 0xfffffff0 });
            codeSegment(bits, 0x20000, 0xffffffff);
            expect(run(0xfffffff0, 0x20)).to.deep.equal({ vector: undefined, rip: 0x20 });
          });
        }
        it(`goes where base + EIP wraps: ${title}`, () => {
          codeSegment(bits, 0xffffa000, 0x3ffff);
          const from = 0xfff0;
          expect(run(from, from - 0x40)).to.deep.equal({ vector: undefined, rip: from - 0x40 });
        });
      }
    }
  }
  it('CALL pushes the return address cut to the operand size', () => {
    codeSegment(16, 0x20000, 0xffff);
    expect(branch(0xf194, 0x5d3b, 0xe8, 0xa4, 0x6b)).to.deep.equal({ vector: undefined, rip: 0x5d3b });
    expect(machine.get('RSP')).to.equal(BigInt(At.kernelStackTop - 2));
    expect(machine.peek32(At.kernelStackTop - 4) >>> 16).to.equal(0xf197);
  });
});

/** All direct branches, taken with RCX = 2 (JCXZ: 0) and these flags: name, opcode, bytes of the displacement, RCX, RFLAGS. */
const everyBranch: readonly (readonly [string, readonly number[], number, number, number])[] = [
  ['CALL', [0xe8], 0, 2, 2],
  ['JMP', [0xe9], 0, 2, 2],
  ['JMP short', [0xeb], 1, 2, 2],
  ['LOOPNE', [0xe0], 1, 2, 2],
  ['LOOPE', [0xe1], 1, 2, 0x42],
  ['LOOP', [0xe2], 1, 2, 2],
  ['JCXZ', [0xe3], 1, 0, 2],
  ...conditions.flatMap((condition, code): [string, number[], number, number, number][] => {
    const rflags = code & 1 ? 2 : takenWith[code >> 1]!;
    return [
      [`J${condition} short`, [0x70 + code], 1, 2, rflags],
      [`J${condition}`, [0x0f, 0x80 + code], 0, 2, rflags],
    ];
  }),
];

describe('A direct branch beyond the end of the code segment', () => {
  for (const [name, opcode, width, rcx, rflags] of everyBranch) {
    for (const bits of [16, 32] as const) {
      for (const prefixed of [false, true]) {
        const size = prefixed === (bits === 16) ? 4 : 2;
        const bytes = [...(prefixed ? [0x66] : []), ...opcode];
        it(`is #GP(0) at the branch, which changes nothing: ${name} in ${bits}-bit code${prefixed ? ' with 66' : ''}`, () => {
          for (const trap of [0, TF]) {
            codeSegment(bits, 0x10000, 0x1fff);
            machine.setRflags(rflags | trap);
            machine.set('RCX', rcx);
            machine.stateChanged();
            const displacementBytes = width || size,
              from = 0x1ff0 - bytes.length - displacementBytes;
            place(from, ...bytes, ...little(width === 1 ? 0x10 : 0x1010, displacementBytes));
            machine.set('RIP', from);
            const before = machine.cpu.instructionCount;
            const { vector, code, rip, frame } = machine.go();
            expect({ vector, code, rip }).to.deep.equal({ vector: GP, code: 0, rip: from });
            // the exception's delivery and the handler's HLT
            expect(machine.cpu.instructionCount - before).to.equal(2);
            expect([machine.get('RCX'), frame.rflags & ~RF]).to.deep.equal([BigInt(rcx), rflags | trap]);
            expect(machine.get('RSP')).to.equal(BigInt(At.kernelStackTop - 16));
          }
        });
      }
    }
  }
  it('counts the instructions of its block before it', () => {
    codeSegment(32, 0x10000, 0x1fff);
    place(0x100, 0x40, 0x40, 0x40, 0xe9, 0, 0x20, 0, 0);
    machine.set('RIP', 0x100);
    const before = machine.cpu.instructionCount;
    expect(machine.go()).to.include({ vector: GP, rip: 0x103 });
    expect(machine.cpu.instructionCount - before).to.equal(5);
  });
  it('does not fault when it is not taken', () => {
    codeSegment(32, 0x10000, 0x1fff);
    place(0x100, 0x0f, 0x84, 0, 0x20, 0, 0, HLT);
    machine.set('RIP', 0x100);
    expect(machine.go()).to.include({ vector: undefined, rip: 0x106 });
  });
  it('may go to the last byte', () => {
    codeSegment(32, 0x10000, 0x1fff);
    expect(branch(0x100, 0x1fff, 0xe9, 0xfa, 0x1e, 0, 0)).to.deep.equal({ vector: undefined, rip: 0x1fff });
  });
});

describe('A direct branch to an address that is not canonical', () => {
  const page = 0x7ffffffff000;
  for (const [name, opcode, width, rcx, rflags] of everyBranch) {
    it(`is #GP(0) at the branch: ${name}`, () => {
      for (const trap of [0, TF]) {
        machine.start({ rflags: rflags | trap });
        machine.map(page, At.pages, 3n);
        machine.set('RCX', rcx);
        const length = opcode.length + (width || 4),
          from = 0xff0 - length;
        machine.poke(At.pages + from, ...opcode, ...little(0x10, width || 4));
        machine.codeChanged(At.pages, 0x1000);
        machine.set('RIP', BigInt(page + from));
        const { vector, code, rip } = machine.go();
        expect({ vector, code, rip }).to.deep.equal({ vector: GP, code: 0, rip: page + from });
        expect(machine.get('RCX')).to.equal(BigInt(rcx));
      }
    });
  }
});
