// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { WatchedWrites } from '../../../src/machine/debug/watched_writes.js';
import { createMachine } from '../../../src/machine_api.js';
import { assemble } from '../../support/assembler.js';
import { booted, runFor } from '../state/marked_guests.js';

const pointer = 0x300000;
const vmxonRegion = 0x301000;
const vmcsRegion = 0x302000;
/** Two VMWRITEs of a hypervisor in x86 code: of RDI, to the field in RAX. */
const hypervisor = [
  ...[
    'mov ecx, 0x3a',
    'rdmsr',
    'test eax, 1',
    'jnz locked',
    'mov eax, 5',
    'wrmsr',
    'locked: mov rax, cr0',
    'or eax, 0x20',
    'mov cr0, rax',
  ],
  ...['mov rax, cr4', 'or eax, 0x2000', 'mov cr4, rax', 'mov ecx, 0x480', 'rdmsr', `mov ebx, ${pointer}`],
  ...[`mov [${vmxonRegion}], eax`, `mov [${vmcsRegion}], eax`, `mov qword ptr [rbx], ${vmxonRegion}`],
  ...[
    'vmxon qword ptr [rbx]',
    `mov qword ptr [rbx], ${vmcsRegion}`,
    'vmclear qword ptr [rbx]',
    'vmptrld qword ptr [rbx]',
  ],
  ...[`mov eax, ${VmcsField.HostRip}`, 'mov edi, 0x1111', '.byte 0x0f, 0x79, 0xc7'],
  ...['mov edi, 0x2222', '.byte 0x0f, 0x79, 0xc7', 'lea rsi, [rip - 10]', 'cli', 'hlt'],
];
const halting = assemble(['cpuid', 'cpuid', 'cli', 'hlt'], 64, FLAT_IMAGE_ADDRESS);

/** A machine whose VMM counts CPUIDs. */
async function underVmm() {
  const machine = await createMachine({ memoryMiB: 16, modules: ['cpuidcount'] });
  machine.boot({ kernel: { name: 'guest', bytes: halting } });
  return machine;
}

describe('WatchedWrites', () => {
  it('has the VMWRITE of x86 code: its RIP, and both values', async () => {
    const pc = await booted(assemble(hypervisor, 64, FLAT_IMAGE_ADDRESS), 1);
    using writes = new WatchedWrites(pc, { processor: 0, field: VmcsField.HostRip });
    runFor(pc, 1000);
    const rip = pc.core.block.get('RSI');
    expect(writes.last).to.deep.include({ before: 0x1111n, value: 0x2222n, from: { rip }, exit: undefined });
    expect(writes.last!.instructions).to.be.greaterThan(0).and.lessThan(pc.instructions);
  });

  it('has the stack of a VMM in TypeScript, and the VM exit that it handled', async () => {
    const machine = await underVmm();
    const { pc } = machine;
    using start = new WatchedWrites(pc, { processor: 0, field: VmcsField.HostRip });
    machine.driver.start();
    expect(start.last).to.include({ exit: undefined, instructions: 0, exits: 0 });
    expect((start.last!.from as { readonly stack: Error }).stack.stack).to.include('vmcs_intel_x64');
    using writes = new WatchedWrites(pc, { processor: 0, field: VmcsField.GuestRip });
    machine.run(1000);
    const { before, value, exit, from } = writes.last!;
    expect([before, value]).to.deep.equal([BigInt(FLAT_IMAGE_ADDRESS) + 2n, BigInt(FLAT_IMAGE_ADDRESS) + 4n]);
    expect(exit).to.include({ reason: ExitReason.Cpuid, rip: before });
    expect((from as { readonly stack: Error }).stack.stack).to.include('handleExit');
  });

  it('leaves out what is not accepted, and what comes when it is gone', async () => {
    const machine = await underVmm();
    machine.driver.start();
    const { pc } = machine;
    const before = pc.exitCount;
    {
      using writes = new WatchedWrites(
        pc,
        { processor: 0, field: VmcsField.GuestRip },
        (_, exits) => exits === before + 1,
      );
      machine.run(1000);
      expect(writes.last!.value).to.equal(BigInt(FLAT_IMAGE_ADDRESS) + 2n);
    }
    expect(pc.processors[0]!.engine.vmcs.writeListener).to.equal(undefined);
  });

  it('changes nothing for the guest', async () => {
    const hashes = await Promise.all(
      [false, true].map(async (isWatched) => {
        const machine = await underVmm();
        machine.driver.start();
        const writes = isWatched
          ? new WatchedWrites(machine.pc, { processor: 0, field: VmcsField.GuestRip })
          : undefined;
        machine.run(1000);
        writes?.[Symbol.dispose]();
        return machine.pc.stateHash();
      }),
    );
    expect(hashes[0]).to.equal(hashes[1]);
  });
});
