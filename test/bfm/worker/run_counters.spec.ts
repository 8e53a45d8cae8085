// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { namedExits, RunCounters } from '../../../src/bfm/worker/run_counters.js';

describe('RunCounters', () => {
  it('shows one side what the other counts, beyond 32 bits', () => {
    const memory = new SharedArrayBuffer(RunCounters.bytes + 8);
    const [worker, main] = [new RunCounters(memory, 8), new RunCounters(memory, 8)];
    worker.exits[10] = 17;
    worker.publish({ instructions: 5 * 2 ** 32 + 7, virtualTime: 6 * 2 ** 32 });
    expect(main.read()).to.deep.equal({
      exits: { cpuid: 17 },
      instructions: 5 * 2 ** 32 + 7,
      virtualTime: 6 * 2 ** 32,
    });
    // A VM exit between two quanta: its instructions are time as well.
    worker.instructions[0]! += 3;
    expect(main.read()).to.include({ instructions: 5 * 2 ** 32 + 10, virtualTime: 6 * 2 ** 32 + 3 });
  });
});

describe('namedExits', () => {
  it('leaves out what never happened', () => {
    expect(namedExits([0, 0, 3])).to.deep.equal({ triple_fault: 3 });
  });
});
