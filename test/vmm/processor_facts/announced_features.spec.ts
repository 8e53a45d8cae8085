// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { announces } from '../../../src/vmm/processor_facts/announced_features.js';
import { captureOutput } from '../capture_output.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { startedVmm } from '../started_vmm.js';

/** A processor with leaf 7 (or none) that announces INVPCID, and does not allow its control. */
function processor(largestLeaf: number, ebx: number): FakeMachine {
  const machine = new FakeMachine();
  machine.leaves.set(0, [largestLeaf, 0, 0, 0]);
  machine.leaves.set(7, [0, ebx, 0, 0]);
  const secondary = machine.msr.get(0x48b)!;
  machine.msr.set(0x48b, secondary & ~(1n << 44n));
  return machine;
}

describe('announces', () => {
  it('looks at the bit of CPUID, and at no leaf beyond the largest', () => {
    expect(announces(processor(0x16, 1 << 10).accessors.cpuid, 'invpcid')).to.equal(true);
    expect(announces(processor(0x16, 0).accessors.cpuid, 'invpcid')).to.equal(false);
    expect(announces(processor(6, 1 << 10).accessors.cpuid, 'invpcid')).to.equal(false);
  });
});

describe('A control that the processor does not allow', () => {
  const warnings = (machine: FakeMachine): string[] =>
    captureOutput(() => startedVmm([], machine)).match(/^.*enable_invpcid.*$/gm) ?? [];

  it('is worth a warning if the guest loses what was announced', () => {
    expect(warnings(processor(0x16, 1 << 10))).to.deep.equal([
      'WARNING: secondary.enable_invpcid: control is not allowed to be set to 1',
    ]);
  });

  it('is nothing to speak of if nobody announced it', () => {
    expect(warnings(processor(0x16, 0))).to.deep.equal([]);
  });
});
