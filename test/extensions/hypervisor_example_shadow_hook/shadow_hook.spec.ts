// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import {
  EntryError,
  EptAccess,
  EptViolationBit,
  ExitReason,
  InterruptionBit,
  InterruptionType,
  vmmModule,
} from 'bareflank';
import { Vector, VmcsField } from 'bareflank';
import shadowHook, {
  HookAddress,
  HookTarget,
  shadowPage,
} from '../../../extensions/hypervisor_example_shadow_hook/shadow_hook.js';
import { Driver } from '../../../src/driver/driver.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { Pc } from '../../../src/machine/pc.js';
import { raceGuest, RaceGuest, startPage } from '../../machine/race_guest.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { coreModule } from '../../support/test_core.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { startedVmm } from '../../vmm/started_vmm.js';
import { runUnder } from '../extension_run.js';

const modules = join(packageRoot, 'extensions', 'hypervisor_example_shadow_hook', 'shadow_hook.modules');
const page = 0x801000n;
const address = page + 0x10n;
const rip = 0x401010n;
const target = 0x500000n;

/** A guest whose page table maps 0x400000 to 0x800000, 2 MiB, with a hook at `rip`. */
function hooked(to = target) {
  const machine = new FakeMachine();
  machine.memory.writePhysical64(0x9000n, 0xa007n);
  machine.memory.writePhysical64(0xa000n, 0xb007n);
  machine.memory.writePhysical64(0xb010n, 0x800087n);
  machine.memory.writePhysical64(page + 0x10n, 0x9090_9090_9090_9090n);
  const settings = vmmModule(({ rebind }) => {
    rebind(HookAddress).toConstantValue(address);
    rebind(HookTarget).toConstantValue(to);
  });
  let vmm!: ReturnType<typeof startedVmm>['vmm'];
  captureOutput(() => ({ vmm } = startedVmm([shadowPage, shadowHook, settings], machine)));
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  const entry = (): bigint => {
    let table = field(VmcsField.EptPointer) & ~0xfffn;
    for (const shift of [39n, 30n, 21n, 12n]) {
      const found = machine.memory.readPhysical64(table + ((page >> shift) & 0x1ffn) * 8n);
      if (shift === 12n || (found & 0x80n) !== 0n) return found;
      table = found & 0x000ffffffffff000n;
    }
    return 0n;
  };
  const breakpoint = (at: bigint): void => {
    machine.fields.set(VmcsField.GuestRip, at);
    machine.fields.set(VmcsField.VmEntryInterruptionInformationField, 0n);
    const information = InterruptionBit.Valid | (InterruptionType.SoftwareException << 8) | Vector.Breakpoint;
    machine.exit(ExitReason.ExceptionOrNonMaskableInterrupt, {
      length: 1,
      fields: { [VmcsField.VmExitInterruptionInformation]: BigInt(information >>> 0) },
    });
  };
  const violation = (physical: bigint): void =>
    machine.exit(ExitReason.EptViolation, {
      qualification: BigInt(EptViolationBit.DataRead),
      fields: { [VmcsField.GuestPhysicalAddress]: physical },
    });
  return {
    machine,
    field,
    entry,
    breakpoint,
    violation,
    isInjected: () => field(VmcsField.VmEntryInterruptionInformationField) >> 31n === 1n,
    step: () => machine.exit(ExitReason.MonitorTrapFlag),
    report: () => vmm.vcpuManager.reports()['shadow-hook'],
    vmm,
  };
}

describe('ShadowHook', () => {
  it('lets the guest execute a copy with INT3 at the instruction, and leaves the guest’s page as it is', () => {
    const { machine, entry } = hooked();
    expect(entry() & 7n).to.equal(BigInt(EptAccess.Execute));
    const copy = entry() & 0x000ffffffffff000n;
    expect(copy).to.not.equal(page);
    expect(machine.memory.readPhysical64(copy + 0x10n)).to.equal(0x9090_9090_9090_90ccn);
    expect(machine.memory.readPhysical64(page + 0x10n)).to.equal(0x9090_9090_9090_9090n);
  });

  it('leads the instruction to its target', () => {
    const { field, breakpoint, isInjected, report } = hooked();
    breakpoint(rip);
    expect([field(VmcsField.GuestRip), isInjected()]).to.deep.equal([target, false]);
    expect(report()).to.deep.equal({ taken: 1, 'data accesses': 0 });
  });

  it('without a target, executes the guest’s own instruction in the base map', () => {
    const { field, entry, breakpoint, isInjected, step, report } = hooked(0n);
    const inside = field(VmcsField.EptPointer);
    breakpoint(rip);
    expect([field(VmcsField.GuestRip), isInjected()]).to.deep.equal([rip, false]);
    expect(entry() & 7n, 'in the base map').to.equal(BigInt(EptAccess.All));
    step();
    expect(field(VmcsField.EptPointer)).to.equal(inside);
    expect(report()).to.deep.equal({ taken: 1, 'data accesses': 0 });
  });

  it('gives the guest its own breakpoints: elsewhere, at the same offset of another page, and at the hook while it steps', () => {
    const { machine, breakpoint, isInjected, violation, report } = hooked(0n);
    machine.memory.writePhysical64(0xb018n, 0xa00087n); // 0x600000 at 0xa00000
    for (const own of [rip + 1n, 0x601010n, 0x7f_0000_0010n]) {
      breakpoint(own);
      expect(isInjected(), own.toString(16)).to.equal(true);
    }
    violation(page);
    breakpoint(rip);
    expect(isInjected()).to.equal(true);
    expect(report()).to.deep.equal({ taken: 0, 'data accesses': 1 });
  });

  it('lets a read or a write of the page reach the guest’s own, and then copies the page again', () => {
    const { machine, field, entry, violation, step, report } = hooked();
    const inside = field(VmcsField.EptPointer);
    const copy = entry() & 0x000ffffffffff000n;
    violation(page + 0x20n);
    expect(entry() & 7n).to.equal(BigInt(EptAccess.All));
    machine.memory.writePhysical64(page + 0x20n, 0x1234n);
    machine.memory.writePhysical64(page + 0x10n, 0n);
    step();
    expect(field(VmcsField.EptPointer)).to.equal(inside);
    expect(machine.memory.readPhysical64(copy + 0x20n)).to.equal(0x1234n);
    expect(machine.memory.readPhysical64(copy + 0x10n)).to.equal(0xccn);
    expect(report()).to.deep.equal({ taken: 0, 'data accesses': 1 });
  });

  it('leaves violations elsewhere to others', () => {
    const { machine, violation } = hooked();
    captureOutput(() => violation(0x123000n));
    expect(machine.stops[0]).to.match(/unimplemented exit ept_violation/);
  });

  it('takes the page as it is when the VMM starts again', () => {
    const { machine, vmm, entry } = hooked();
    captureOutput(() => vmm.entry.stopVmm(0n));
    machine.memory.writePhysical64(page + 0x10n, 0x7777n);
    captureOutput(() => vmm.entry.startVmm(0n));
    expect(machine.memory.readPhysical64((entry() & 0x000ffffffffff000n) + 0x10n)).to.equal(0x77ccn);
  });

  it('refuses a target that no guest can jump to', () => {
    expect(() => hooked(1n << 63n)).to.throw(
      EntryError,
      '--set shadow_hook.target=0x8000000000000000: no guest can go on there: it must be a canonical address',
    );
  });

  it('hooks a function that the guest writes later; the guest reads and changes its own bytes', async () => {
    const [own, other] = ['0x500000', '0x501000'];
    /** MOV EAX, IMM32; RET. */
    const write = (at: string, value: number): string[] => [
      `mov edi, ${at}`,
      'mov byte ptr [rdi], 0xb8',
      `mov dword ptr [rdi + 1], ${value}`,
      'mov byte ptr [rdi + 5], 0xc3',
    ];
    const call = (at: string, result: number): string[] => [`mov edi, ${at}`, 'call rdi', `mov [rbx + ${result}], rax`];
    const code = [
      ...write(own, 1),
      ...write(other, 2),
      'xor eax, eax',
      ...call(own, 0),
      `mov edi, ${own}`,
      'mov cl, [rdi]',
      'mov [rbx + 8], cl',
      ...write(own, 3),
      ...call(own, 16),
    ];
    const counted = await runUnder('shadow_hook', code, { 'shadow_hook.address': own });
    expect([...counted.results.slice(0, 3)]).to.deep.equal([1n, 0xb8n, 3n]);
    expect(counted.reports).to.deep.equal({ 'shadow-hook': { taken: 2, 'data accesses': 7 } });
    const settings = { 'shadow_hook.address': own, 'shadow_hook.target': other };
    const led = await runUnder('shadow_hook', code, settings);
    expect([...led.results.slice(0, 3)]).to.deep.equal([2n, 0xb8n, 2n]);
    expect(led.exits[ExitReason.MonitorTrapFlag], 'no step at the hook').to.equal(7);
  });

  it('counts what four processors execute, each of which meets the hook while another one steps', async () => {
    const [processors, rounds] = [4, 50];
    const kernel = { name: 'race', bytes: raceGuest(processors, rounds) };
    // DEC EBX, in the code that the first processor copies for the others, who are in real mode.
    const dec = readOthers(kernel.bytes);
    const run = async (at?: number) => {
      const pc = await Pc.create({
        coreModule: await coreModule(),
        memoryBytes: 16 << 20,
        processors,
        com1: () => {},
        com2: () => {},
      });
      pc.boot({ kernel, modules: [], append: '' });
      const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
      driver.addModules(modules);
      await driver.load(at === undefined ? {} : { 'shadow_hook.address': `${at}` });
      driver.start();
      while (pc.runQuantum(() => true) === undefined);
      const reports = driver.reports();
      driver.close();
      return { counter: new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + RaceGuest.counter, 1)[0], reports };
    };
    const { counter, reports } = await run((startPage << 12) + dec);
    expect(counter).to.equal(processors * rounds);
    expect(reports['shadow-hook']).to.have.property('taken', (processors - 1) * rounds);
  });
});

/** The offset of DEC EBX in the code of the other processors. */
function readOthers(image: Uint8Array): number {
  const [begin, dec] = [Buffer.from([0x66, 0xbb]), Buffer.from([0x66, 0x4b])];
  const others = Buffer.from(image).indexOf(begin);
  return Buffer.from(image).indexOf(dec, others) - others;
}
