// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AccessRights,
  EntryError,
  Ept,
  EptViolationBit,
  ErrorCode,
  ExitReason,
  Vector,
  VmcsField,
  VMCALL_MAGIC,
  vmmModule,
} from 'bareflank';
import eptHook, { HookTarget } from '../../../extensions/hypervisor_example_ept_hook/ept_hook.js';
import { bfm, root } from '../../bfm/bfm_process.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { startedVmm } from '../../vmm/started_vmm.js';

const from = 0x401010n;
const to = 0x500000n;

function hooked() {
  const { machine, vmm } = startedVmm([eptHook]);
  const { values } = machine.generalRegisters;
  // The guest's page table at 0x9000 maps 0x400000 to 0x800000, 2 MiB.
  machine.memory.writePhysical64(0x9000n, 0xa007n);
  machine.memory.writePhysical64(0xa000n, 0xb007n);
  machine.memory.writePhysical64(0xb010n, 0x800087n);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  const base = field(VmcsField.EptPointer);
  const answer = (what: bigint, which: bigint, target: bigint): bigint => {
    [values[0], values[1], values[2], values[3], values[6]] = [2n, what, VMCALL_MAGIC, which, target];
    captureOutput(() => machine.exit(ExitReason.Vmcall, { length: 3 }));
    return values[2]!;
  };
  const call = (what: bigint, which = from, target = to): void => {
    expect(answer(what, which, target), 'R01').to.equal(0n);
  };
  const violation = (rip: bigint, physical: bigint): void => {
    machine.fields.set(VmcsField.GuestRip, rip);
    captureOutput(() =>
      machine.exit(ExitReason.EptViolation, {
        qualification: BigInt(EptViolationBit.InstructionFetch),
        fields: { [VmcsField.GuestPhysicalAddress]: physical },
      }),
    );
  };
  const taken = (): unknown => vmm.vcpuManager.reports()['ept-hook']!.taken;
  return {
    machine,
    vmm,
    field,
    base,
    answer,
    call,
    violation,
    taken,
    step: () => machine.exit(ExitReason.MonitorTrapFlag),
  };
}

describe('EptHook', () => {
  it('leads the function to the hook, with the base map for one instruction', () => {
    const { field, base, call, violation, taken, step } = hooked();
    call(1n);
    const view = field(VmcsField.EptPointer);
    expect(view).to.not.equal(base);
    violation(from, 0x801010n);
    expect(field(VmcsField.GuestRip)).to.equal(to);
    expect(field(VmcsField.EptPointer)).to.equal(base);
    step();
    expect(field(VmcsField.EptPointer)).to.equal(view);
    expect(taken()).to.equal(1);
  });

  it('refuses a hook that no guest can jump to, and keeps the one before', () => {
    const { field, answer, call, violation } = hooked();
    call(1n);
    for (const target of [1n << 63n, 1n << 47n, 0xffff_7fff_ffff_ffffn])
      expect(answer(1n, from, target)).to.equal(ErrorCode.BF_VMCALL_FAILURE);
    violation(from, 0x801010n);
    expect(field(VmcsField.GuestRip)).to.equal(to);
    call(0n, from, 1n << 63n);
    call(1n, from, 0xffff_8000_0000_0000n);
    violation(from, 0x801010n);
    expect(field(VmcsField.GuestRip)).to.equal(0xffff_8000_0000_0000n);
  });

  it('refuses such a parameter when the VMM starts', () => {
    const target = vmmModule(({ rebind }) => rebind(HookTarget).toConstantValue(1n << 63n));
    expect(() => captureOutput(() => startedVmm([eptHook, target]))).to.throw(
      EntryError,
      'vcpu 0 did not start: --set ept_hook.target=0x8000000000000000: no guest can go on there: it must be a canonical address',
    );
  });

  it('lets a guest fault that is not in 64-bit mode when it comes to a hook above 4 GiB', () => {
    const { machine, field, call, violation } = hooked();
    const information = (): bigint => field(VmcsField.VmEntryInterruptionInformationField);
    call(1n, from, 1n << 32n);
    machine.fields.set(VmcsField.GuestCsAccessRights, field(VmcsField.GuestCsAccessRights) & ~BigInt(AccessRights.L));
    violation(from, 0x801010n);
    expect(field(VmcsField.GuestRip)).to.equal(from);
    expect(information() & 0xffn).to.equal(BigInt(Vector.GeneralProtection));
    expect(information() >> 31n).to.equal(1n);
  });

  it('takes no more of the page pool for the next function than for the first', () => {
    const { machine, vmm, call } = hooked();
    const tables = (): number => vmm.container.get(Ept).view('ept-hook of vcpu 0').tablesToDescriptors().length;
    call(1n);
    const one = tables();
    for (let page = 1n; page < 20n; page++) {
      machine.memory.writePhysical64(0xb010n, 0x800087n + page * 0x20_0000n);
      call(1n);
      expect(tables()).to.equal(one);
    }
  });

  it('lets everything else in the page go on as before', () => {
    const { field, call, violation, taken } = hooked();
    call(1n);
    violation(from + 4n, 0x801014n);
    expect(field(VmcsField.GuestRip)).to.equal(from + 4n);
    expect(taken()).to.equal(0);
  });

  it('leaves violations elsewhere to others', () => {
    const { machine, call, violation } = hooked();
    call(1n);
    violation(from, 0x123000n);
    expect(machine.stops[0]).to.match(/unimplemented exit ept_violation/);
  });

  it('is undone by any other R02, also while a step is under way', () => {
    const { field, base, call, violation, step } = hooked();
    call(1n);
    violation(from, 0x801010n);
    call(0n);
    expect(field(VmcsField.EptPointer)).to.equal(base);
    step();
    expect(field(VmcsField.EptPointer)).to.equal(base);
    call(0n);
  });

  it('leaves no trace in its view when its vcpu ends', () => {
    const { machine, vmm, field, call, violation, taken } = hooked();
    call(1n);
    vmm.entry.stopVmm(0n);
    captureOutput(() => vmm.entry.startVmm(0n));
    // The guest's page table at 0x9000 maps 0x600000 to 0xa00000, another page of the same view.
    machine.memory.writePhysical64(0xb018n, 0xa00087n);
    call(1n, 0x601010n);
    const entryOf = (physical: bigint): bigint => {
      let table = field(VmcsField.EptPointer) & ~0xfffn;
      for (const shift of [39n, 30n, 21n]) {
        const entry = machine.memory.readPhysical64(table + ((physical >> shift) & 0x1ffn) * 8n);
        if ((entry & 0x80n) !== 0n) return entry;
        table = entry & 0x000ffffffffff000n;
      }
      return machine.memory.readPhysical64(table + ((physical >> 12n) & 0x1ffn) * 8n);
    };
    expect([entryOf(0x801000n) & 7n, entryOf(0xa01000n) & 7n]).to.deep.equal([7n, 0n]);
    violation(0x601010n, 0xa01010n);
    expect(taken()).to.equal(1);
  });

  it('counts how often the instruction at ept_hook.address executes, from the first instruction on', async () => {
    // The CPUID of the guest's loop; a page of code that is entered and left at will around it.
    const image = readFileSync(join(root, 'build', 'guests', 'cpuid.bin'));
    const cpuid = image.indexOf(Buffer.from([0x0f, 0xa2]));
    const address = `0x${(0x200000 + cpuid).toString(16)}`;
    const run = ['run', '--guest', 'cpuid', '--append', '25', '-m', 'ept_hook', '--json'];
    const { status, stdout, stderr } = await bfm(...run, '--set', `ept_hook.address=${address}`);
    expect(status, stderr).to.equal(0);
    const { machine, extensions } = JSON.parse(stdout) as {
      machine: { exits: Record<string, number> };
      extensions: Record<string, unknown>;
    };
    expect(machine.exits.cpuid).to.equal(25);
    expect(extensions['ept-hook']).to.deep.equal({ taken: 25 });
    expect(machine.exits.ept_violation).to.be.greaterThan(25);
  });
});
