// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout/layout.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { Rights, Segment, setSegment } from '../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../support/system_machine.js';

const machine = await SystemMachine.make();
const GP = 13;
const zeroFlag = 0x40;
/** More than the longest block: so many instructions run in the switch. */
const budget = 1000;

/** Comparisons in whose case of the switch a conditional branch is carried out, and the same with an operand in memory, where it is not. */
const comparisons = [
  'cmp cl, dl',
  'cmp ecx, edx',
  'cmp rcx, rdx',
  'cmp cl, 5',
  'cmp ecx, 5',
  'cmp rcx, 5',
  'test cl, dl',
  'test ecx, edx',
  'test rcx, rdx',
  'test cl, 5',
  'test ecx, 5',
  'test rcx, 5',
  'dec ecx',
  'dec rcx',
  'cmp rcx, [rsi]',
  'sub rcx, rdx',
];
const values = [0n, 1n, 5n, 0x100000005n, 0xffffffffffffffffn];

/** What is seen of the processor after a run. */
interface Shown {
  readonly registers: readonly bigint[];
  readonly rflags: number;
  readonly rip: bigint;
  readonly instructions: number;
}

/** Sets the machine up in 64-bit mode, runs code by `run`, and shows what came of it. */
function shown(code: readonly string[], value: bigint, run: () => void): Shown {
  machine.start();
  machine.set('RCX', value);
  machine.set('RDX', 5n);
  machine.set('RSI', At.pages);
  machine.write(At.kernelCode, code);
  const before = machine.cpu.instructionCount;
  run();
  return {
    registers: Array.from(machine.u64.slice(Layout.RAX / 8, Layout.RAX / 8 + 16)),
    rflags: machine.rflags(),
    rip: machine.get('RIP'),
    instructions: machine.cpu.instructionCount - before,
  };
}

const inBlocks = (): void => {
  expect(machine.run(budget)).to.equal(StopReason.Idle);
};
const stepByStep = (): void => {
  for (let i = 0; machine.run(1) !== StopReason.Idle; i++) expect(i).to.be.lessThan(budget);
};

describe('The switch over the hot forms', () => {
  for (const comparison of comparisons)
    for (const branch of ['jz', 'jnz', 'jc'])
      it(`does what single steps do: ${comparison}; ${branch}`, () => {
        // twice, so that the second round follows the link between the blocks; a branch that is not taken goes on in its block
        const code = ['mov ebx, 2', 'again:', comparison, `${branch} there`, 'inc eax', 'there:', 'inc edi'];
        code.push(comparison, `${branch} behind`, 'inc ebp', 'behind:', 'sub ebx, 1', 'jnz again');
        for (const value of values)
          expect(shown(code, value, inBlocks), `RCX ${value}`).to.deep.equal(shown(code, value, stepByStep));
      });

  it('ends at the budget when it ends in a loop of comparison and branch', () => {
    const { rip, instructions, registers } = shown(['again:', 'dec rcx', 'jnz again'], 1n << 40n, () => {
      expect(machine.run(budget + 1)).to.equal(StopReason.Quantum);
    });
    expect(instructions).to.equal(budget + 1);
    expect(registers[1]).to.equal((1n << 40n) - BigInt(budget / 2 + 1));
    expect(Number(rip) - At.kernelCode).to.equal(3);
  });

  it('raises #GP in the branch whose target lies beyond the limit of CS, after the comparison', () => {
    const faulting = (run: () => void): unknown => {
      machine.start({ bits: 32, paging: 'none' });
      setSegment(machine, Segment.CS, Select.code32, 0, At.kernelCode + 0xff, Rights.code32);
      machine.stateChanged();
      machine.set('RCX', 1);
      machine.poke(At.kernelCode, 0x49, 0x0f, 0x84, 0, 1, 0, 0);
      machine.codeChanged(At.kernelCode, 7);
      const before = machine.cpu.instructionCount;
      run();
      const { vector, rip, frame } = machine.ending();
      return [vector, rip, frame.rflags & zeroFlag, machine.get('RCX'), machine.cpu.instructionCount - before];
    };
    const found = faulting(inBlocks);
    expect(found).to.deep.equal(faulting(stepByStep));
    expect(found).to.deep.include.members([GP, At.kernelCode + 1, zeroFlag, 0n]);
  });
});
