// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { GuestHostMasks } from '../../../src/vmm/owners/owners.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';
import { guest64, guestPae } from './register_values.js';

/** Every write of a control register exits. */
@injectable()
class EveryWrite implements VmcsContribution {
  @inject(GuestHostMasks) readonly masks!: GuestHostMasks;
  readonly name = 'every-write';
  setUp({ primaryProcessorBasedVmExecutionControls: controls }: Vmcs): void {
    for (const control of [
      controls.cr3LoadExiting,
      controls.cr3StoreExiting,
      controls.cr8LoadExiting,
      controls.cr8StoreExiting,
    ])
      control.enable();
    this.masks.watch(this, 'cr0', 0xffffffffn);
    this.masks.watch(this, 'cr4', 0xffffffffn);
  }
}
const everyWrite = vcpuModule(({ bind }) => bind(VmcsContribution).to(EveryWrite));

/** The first difference between two logs, with its surroundings. */
function firstDifference(one: readonly bigint[], other: readonly bigint[]): string | undefined {
  const at = one.findIndex((value, index) => value !== other[index]);
  if (at < 0 && one.length === other.length) return undefined;
  const around = (list: readonly bigint[]): string =>
    list
      .slice(Math.max(0, at - 4), at + 4)
      .map((v) => v.toString(16))
      .join(' ');
  return `entry ${at} of ${one.length} and ${other.length}: ${around(one)} | ${around(other)}`;
}

// What a register may hold is the processor's matter: a guest under a VMM meets the same faults, and no value ends the VMM.
describe('Values that a guest writes into registers', () => {
  for (const [mode, guest, atLeast] of [
    ['64-bit mode', guest64(), 4000],
    ['32-bit mode with PAE paging', guestPae(), 300],
  ] as const) {
    for (const [what, modules] of [
      ['the base', []],
      ['a VMM for which every write exits', [everyWrite]],
    ] as const) {
      it(`in ${mode} have the effects and faults under ${what} that they have without a VMM`, async () => {
        const bare = await runBare(guest);
        expect(bare.end.kind, bare.end.detail).to.equal('powered-off');
        const expected = readLog(bare.word);
        expect(expected.length).to.be.greaterThan(atLeast);
        expect(expected.filter((value) => value === 13n).length, 'faults').to.be.greaterThan(20);
        const { end, word, exits } = await runGuest(guest, [], modules);
        expect(end.kind, end.detail).to.equal('powered-off');
        expect(firstDifference(readLog(word), expected)).to.equal(undefined);
        expect(exits[ExitReason.ControlRegisterAccesses]).to.be.greaterThan(modules.length === 0 ? 1 : 100);
      });
    }
  }
});
