// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PinBasedControl } from '../../../src/intrinsics/control_bits.js';
import { ExitControl } from '../../../src/intrinsics/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/exit_reasons.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { GuestMachine } from './guest_machine.js';

const timer = { PinBasedVmExecutionControls: 0x16n | BigInt(PinBasedControl.ActivateVmxPreemptionTimer) };
const write = (msr: number, high: number, low: number): string[] => [
  `mov ecx, ${msr}`,
  `mov eax, ${low}`,
  `mov edx, ${high}`,
  'wrmsr',
];

describe('The VMX-preemption timer', () => {
  for (const [name, code] of [
    ['a loop', []],
    ['WRMSR of the TSC to 0', write(0x10, 0, 0)],
    ['WRMSR of the TSC to a large value', write(0x10, 0x1000, 0)],
    ['WRMSR of the TSC to a value that soon wraps', write(0x10, 0xffffffff, 0xfffffff0)],
    ['WRMSR of TSC_ADJUST forwards', write(0x3b, 0, 0x80000000)],
    ['WRMSR of TSC_ADJUST backwards', write(0x3b, 0xffffffff, 0x80000000)],
  ] as const) {
    it(`counts increments of the TSC, not writes: ${name}`, async () => {
      const guest = await GuestMachine.create({
        code: [...code, 'jmp .'],
        fields: { ...timer, VmxPreemptionTimerValue: 100n },
        prepare: ({ core }) => {
          core.u32[Word.tscOffset] = 1_000_000;
        },
        onExit: (_exit, { processor }) => {
          processor.die('exit');
          return true;
        },
      });
      const before = guest.processor.instructionCount;
      guest.run(1000);
      expect(guest.exits.map(({ reason }) => reason)).to.deep.equal([ExitReason.VmxPreemptionTimerExpired]);
      expect(guest.processor.instructionCount - before).to.equal(100);
    });
  }

  it('saves the ticks that are left although the TSC wraps before the deadline', async () => {
    const guest = await GuestMachine.create({
      code: [...write(0x10, 0xffffffff, 0xfffffff0), 'cpuid'],
      fields: {
        ...timer,
        VmxPreemptionTimerValue: 1000n,
        VmExitControls: 0x36fffn | BigInt(ExitControl.SaveVmxPreemptionTimerValue),
      },
      onExit: (_exit, { processor }) => {
        processor.die('exit');
        return true;
      },
    });
    guest.run(1000);
    expect(guest.exits.map(({ reason }) => reason)).to.deep.equal([ExitReason.Cpuid]);
    expect(guest.field('VmxPreemptionTimerValue')).to.equal(996n);
  });
});
