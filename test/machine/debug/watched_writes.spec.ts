// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { fieldOfGuestMsr } from '../../../src/machine/debug/loaded_msrs.js';
import { WatchedWrites } from '../../../src/machine/debug/watched_writes.js';
import { loadMsrs } from '../../../src/machine/vmx/msr_areas.js';
import { slotOf } from '../../../src/machine/vmx/vmcs/field_slots.js';
import { VmxMode } from '../../../src/machine/vmx/vmx_mode.js';
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

  it('has what x86 code writes to an MSR by whatever instruction: its RIP, and both values', async () => {
    const rows: readonly (readonly [msr: number, value: bigint, before: bigint, ...instructions: string[]])[] = [
      [Msr.Ia32Lstar, 0x1_0000_2222n, 0n, 'mov ecx, 0xc0000082', 'mov eax, 0x2222', 'mov edx, 1', 'wrmsr'],
      [Msr.Ia32KernelGsBase, 0x3000n, 0n, 'mov eax, 0x3000', 'wrgsbase rax', 'swapgs'],
      [Msr.Ia32GsBase, 0n, 0x3000n, 'mov eax, 0x3000', 'wrgsbase rax', 'swapgs'],
      [Msr.Ia32FsBase, 0x4000n, 0n, 'mov eax, 0x4000', 'wrfsbase rax'],
      [Msr.Ia32FsBase, 0n, 0x4000n, 'mov eax, 0x4000', 'wrfsbase rax', 'xor eax, eax', 'mov fs, ax'],
    ];
    for (const [msr, value, before, ...instructions] of rows) {
      const code = ['mov rax, cr4', 'or eax, 0x10000', 'mov cr4, rax', ...instructions];
      const guest = [...code, 'here: cli', 'lea rsi, [rip + here]', 'hlt'];
      const pc = await booted(assemble(guest, 64, FLAT_IMAGE_ADDRESS), 1);
      using writes = new WatchedWrites(pc, { processor: 0, msr });
      runFor(pc, 1000);
      const bytes = { wrmsr: 2, swapgs: 3, 'wrfsbase rax': 5, 'mov fs, ax': 3 }[instructions.at(-1)!]!;
      const rip = pc.core.block.get('RSI') - BigInt(bytes);
      expect(writes.last, instructions.join('; ')).to.deep.include({ before, value, from: { rip }, exit: undefined });
      expect(writes.last!.instructions).to.equal(code.length - 1);
    }
  });

  it('hears no write that is refused, of another MSR, or by another processor', async () => {
    const guest = ['mov ecx, 0xc0000082', 'mov eax, 1', 'xor edx, edx', 'wrmsr', 'cli', 'hlt'];
    const pc = await booted(assemble(guest, 64, FLAT_IMAGE_ADDRESS), 2);
    for (const register of [
      { processor: 0, msr: Msr.Ia32Cstar },
      { processor: 1, msr: Msr.Ia32Lstar },
    ]) {
      using writes = new WatchedWrites(pc, register);
      runFor(pc, 1000);
      expect(writes.last).to.equal(undefined);
    }
    using writes = new WatchedWrites(pc, { processor: 0, msr: Msr.Ia32Efer });
    expect(pc.core.writeMsr(Msr.Ia32Efer, 0xffffffff, 0)).to.equal(false);
    expect(writes.last).to.equal(undefined);
  });

  it('knows what VM entries and VM exits load from their lists', async () => {
    const pc = await booted(halting, 1);
    using writes = new WatchedWrites(pc, { processor: 0, msr: Msr.Ia32KernelGsBase });
    pc.core.physicalWords.set([Msr.Ia32KernelGsBase, 0, 0x1234, 0], pointer / 4);
    loadMsrs(pc.core, pointer, 1, 'VM-entry MSR-load area');
    expect(writes.last).to.deep.include({ value: 0x1234n, from: { area: 'VM-entry MSR-load area' } });
  });

  it("means the guest's MSR if VM entries load it from a field", async () => {
    const machine = await underVmm();
    const { pc } = machine;
    machine.driver.start();
    const guestField = pc.inspect((each) => fieldOfGuestMsr(each, Msr.Ia32SysenterEip))[0]!;
    expect(guestField).to.equal(VmcsField.GuestIa32SysenterEip);
    expect(pc.inspect((each) => fieldOfGuestMsr(each, Msr.Ia32Lstar))).to.deep.equal([undefined]);
    using writes = new WatchedWrites(pc, { processor: 0, msr: Msr.Ia32SysenterEip, guestField });
    pc.core.block.set('VMX_MODE', VmxMode.Root);
    pc.core.writeMsr(Msr.Ia32SysenterEip, 1, 0);
    expect(writes.last, "of the VMM's").to.equal(undefined);
    pc.core.block.set('VMX_MODE', VmxMode.NonRoot);
    pc.core.writeMsr(Msr.Ia32SysenterEip, 2, 0);
    expect(writes.last).to.include({ field: undefined, before: 1n, value: 2n });
    pc.processors[0]!.engine.vmcs.write(slotOf(guestField), 3, 0);
    expect(writes.last).to.include({ field: guestField, value: 3n });
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
        ({ exits }) => exits === before + 1,
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
        const writes = !isWatched
          ? []
          : [
              new WatchedWrites(machine.pc, { processor: 0, field: VmcsField.GuestRip }),
              new WatchedWrites(machine.pc, { processor: 0, msr: Msr.Ia32GsBase }),
            ];
        machine.run(1000);
        for (const each of writes) each[Symbol.dispose]();
        return machine.pc.stateHash();
      }),
    );
    expect(hashes[0]).to.equal(hashes[1]);
  });
});
