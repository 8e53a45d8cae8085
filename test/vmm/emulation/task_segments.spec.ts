// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Vector } from '../../../src/intrinsics/vmx/exit_information.js';
import { Rflags } from '../../../src/intrinsics/registers/registers.js';
import { GuestDescriptors, readSegment } from '../../../src/vmm/emulation/guest_segments.js';
import { TaskSegments } from '../../../src/vmm/emulation/task_segments.js';
import { emulatedGuest } from './emulated_guest.js';

const none = { eip: 0, eflags: 2, registers: [], selectors: [0, 0, 0, 0, 0, 0], cr3: 0, ldt: 0, isTrapped: false };

describe('TaskSegments', () => {
  it('refuses a task without CS, and leaves a CS that VM entry accepts', () => {
    const { vmcs, memory } = emulatedGuest();
    const segments = new TaskSegments(vmcs, new GuestDescriptors(vmcs, memory), none);
    expect(() => segments.load(0))
      .to.throw()
      .that.includes({ vector: Vector.InvalidTss, errorCode: 0 });
    expect(readSegment(vmcs, 'cs')).to.deep.equal({ selector: 0, base: 0n, limit: 0, rights: 0x99 });
  });
  it('gives a task in virtual-8086 mode segments at 16 times their selectors', () => {
    const { vmcs, memory } = emulatedGuest();
    const task = { ...none, eflags: Rflags.Virtual8086Mode, selectors: [1, 2, 3, 4, 5, 6] };
    new TaskSegments(vmcs, new GuestDescriptors(vmcs, memory), task).load(0);
    expect(readSegment(vmcs, 'gs')).to.deep.equal({ selector: 6, base: 0x60n, limit: 0xffff, rights: 0xf3 });
  });
});
