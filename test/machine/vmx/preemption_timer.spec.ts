// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PinBasedControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Msr, VmxMisc } from '../../../src/intrinsics/registers/msr_definitions.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { firstVmxMsr } from '../../../src/machine/vmx/capabilities.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { GuestMachine } from './guest_machine.js';

const timer = { PinBasedVmExecutionControls: 0x16n | BigInt(PinBasedControl.ActivateVmxPreemptionTimer) };
/** Increments of the TSC for each tick. */
const period = 4;
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
      guest.run(10_000);
      expect(guest.exits.map(({ reason }) => reason)).to.deep.equal([ExitReason.VmxPreemptionTimerExpired]);
      expect(guest.processor.instructionCount - before).to.equal(100 * period);
    });
  }

  it('saves the ticks that are left although the TSC wraps before the deadline', async () => {
    const guest = await GuestMachine.create({
      code: [...write(0x10, 0xffffffff, 0xfffffff0), ...Array.from({ length: 40 }, () => 'nop'), 'cpuid'],
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
    // 44 instructions came before the exit.
    expect(guest.field('VmxPreemptionTimerValue')).to.equal(989n);
  });

  it('counts when bit 2 of the TSC changes, as IA32_VMX_MISC says', async () => {
    const { PreemptionTimerDecrement } = VmxMisc;
    const { capabilities } = (await GuestMachine.create({ code: ['hlt'] })).processor.engine;
    expect(capabilities[Msr.Ia32VmxMisc - firstVmxMsr]![0] & PreemptionTimerDecrement).to.equal(2);
    const counts = [30, 31, 32, 33].map(async (start) => {
      const guest = await GuestMachine.create({
        code: ['nop', 'cpuid'],
        fields: {
          ...timer,
          VmxPreemptionTimerValue: 7n,
          VmExitControls: 0x36fffn | BigInt(ExitControl.SaveVmxPreemptionTimerValue),
        },
        prepare: ({ core }) => {
          core.u32[Word.tscOffset] = start - core.instructionCount;
        },
        onExit: (_exit, { processor }) => {
          processor.die('exit');
          return true;
        },
      });
      guest.run();
      return guest.field('VmxPreemptionTimerValue');
    });
    expect(await Promise.all(counts)).to.deep.equal([7n, 6n, 7n, 7n]);
  });
});
