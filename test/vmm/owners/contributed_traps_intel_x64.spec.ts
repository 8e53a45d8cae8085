// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { assemble } from '../../support/assembler.js';
import { runGuest } from '../machine_vmm.js';
import { startedVmm } from '../started_vmm.js';

const pagingAndProtection = 0x80000001n;

/** An extension that does without unrestricted guest. */
const restricted: VmcsContribution = {
  name: 'restricted',
  setUp: (vmcs) => vmcs.secondaryProcessorBasedVmExecutionControls.unrestrictedGuest.disable(),
};
const module = vcpuModule(({ bind }) => bind(VmcsContribution).toConstantValue(restricted));

const gdt = 0x2c0000;
const code32 = 0x20;

/** A guest that goes to 32-bit code and turns paging off there, as kernels do while they start. */
const turnsPagingOff = [
  `mov edi, ${gdt}`,
  ...[0x00af9b000000ffffn, 0x00cf93000000ffffn, 0x00cf9b000000ffffn].flatMap((descriptor, index) => [
    `movabs rax, ${descriptor}`,
    `mov [rdi + ${0x10 + 8 * index}], rax`,
  ]),
  `mov word ptr [rdi + 64], ${code32 + 7}`,
  'mov qword ptr [rdi + 66], rdi',
  'lgdt [rdi + 64]',
  `push ${code32}`,
  'lea rax, [rip + narrow]',
  'push rax',
  '.byte 0x48, 0xcb',
  `narrow: .byte ${[...assemble(['mov eax, cr0', 'and eax, 0x7fffffff', 'mov cr0, eax', 'hlt'], 32)].join(', ')}`,
];

describe('ContributedTraps', () => {
  it('lets a MOV that clears CR0.PE or CR0.PG exit if the contributions leave unrestricted guest off', () => {
    for (const [modules, expected] of [
      [[], 0n],
      [[module], pagingAndProtection],
    ] as const) {
      const { machine } = startedVmm(modules);
      expect(machine.fields.get(VmcsField.Cr0GuestHostMask)! & pagingAndProtection).to.equal(expected);
    }
  });

  it('so that the log says why the guest gets #GP, which does not end the VMM', async () => {
    const { end, exits } = await runGuest(turnsPagingOff, [], [module]);
    expect(exits[ExitReason.ControlRegisterAccesses]).to.be.greaterThan(0);
    // This guest has no handler of #GP.
    expect(end.detail).to.match(/^the guest of vcpu 0 triple-faulted/);
    expect(end.tripleFault?.events[0]).to.deep.equal({ name: '#GP', vector: 13, errorCode: '0x0' });
  });

  it('and lets it be where unrestricted guest is on', async () => {
    const { end } = await runGuest(turnsPagingOff, []);
    expect(end.detail).to.match(/^halted with interrupts off/);
  });
});
