// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { leastTssLimit, TaskStateSegment } from '../../../src/vmm/emulation/task_state_segment.js';
import { emulatedGuest } from './emulated_guest.js';

const task = { eip: 0x1234, eflags: 0x202, registers: [1, 2, 3, 4, 5, 6, 7, 8], selectors: [8, 16, 24, 32, 40, 48] };

describe('TaskStateSegment', () => {
  it('of 32 bits gives back the task that it saved', () => {
    const tss = new TaskStateSegment(emulatedGuest().memory, 0x100n, true);
    tss.save(task);
    expect(tss.load()).to.deep.equal({ ...task, cr3: 0, ldt: 0, isTrapped: false });
  });
  it('of 16 bits has no FS, GS and CR3, and ones in the upper halves of registers', () => {
    const tss = new TaskStateSegment(emulatedGuest().memory, 0x100n, false);
    tss.save(task);
    const registers = task.registers.map((value) => (0xffff0000 | value) >>> 0);
    const selectors = [8, 16, 24, 32, 0, 0];
    expect(tss.load()).to.deep.equal({ ...task, registers, selectors, cr3: undefined, ldt: 0, isTrapped: false });
  });
  it('has a least limit', () => {
    expect([leastTssLimit(true), leastTssLimit(false)]).to.deep.equal([0x67, 0x2b]);
  });
});
