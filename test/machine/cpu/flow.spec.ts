// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout.js';
import { Rights, Segment, setSegment } from '../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../support/system_machine.js';

const machine = await SystemMachine.make();
const HLT = 0xf4;

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
