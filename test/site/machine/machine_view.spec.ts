// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { hex } from '../../../src/intrinsics/texts/hex.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { machineView, parseAddress } from '../../../src/site/machine/machine_view.js';
import { SiteMachine } from '../../../src/site/machine/site_machine.js';
import { SitePorts } from '../../../src/site/machine/site_ports.js';
import { coreBytes, fetchFile, nodeModules, ownGuest } from './node_surroundings.js';

async function booted(): Promise<SiteMachine> {
  const machine = await SiteMachine.create({
    coreModule: await WebAssembly.compile(coreBytes),
    memoryBytes: 32 << 20,
    processors: 2,
    pace: 'fast',
    ports: new SitePorts(() => {}),
    source: nodeModules(),
  });
  const kernel = { name: 'echo', bytes: await fetchFile(ownGuest('echo', '').kernel) };
  machine.boot({ kernel, modules: [], append: '' });
  machine.slice(10_000_000);
  return machine;
}

describe('machineView', () => {
  it('has the registers of each processor, and the fields of its VMCS while a VMM runs', async () => {
    const machine = await booted();
    const [first, second] = machineView(machine.pc);
    expect(first).to.include({ processor: 0, mode: '64-bit', cpl: 0 });
    expect(second).to.include({ processor: 1, activity: 'waits for a start-up IPI' });
    expect(Number(first!.registers.RIP)).to.be.within(0x200000, 0x300000);
    expect(first!.vmcs).to.deep.equal([]);
    await machine.load([]);
    machine.start();
    machine.slice(20_000_000);
    const fields = new Map(machineView(machine.pc)[0]!.vmcs.map(({ name, value }) => [name, value]));
    expect(fields.get('vmcs_link_pointer')).to.equal('0xffffffffffffffff');
    // The call that started the VMM.
    expect(fields.get('exit_reason')).to.equal(hex(ExitReason.Vmcall, 8));
  });

  it('walks an address through the page tables, and through EPT if the VMM uses it', async () => {
    const machine = await booted();
    const walk = machineView(machine.pc, '200000')[0]!.walk!;
    expect(walk).to.include({ linear: '0x200000', physical: '0x200000', stop: null });
    expect(walk.steps).to.not.be.empty;
    expect(walk.ept).to.equal(undefined);
    await machine.load([]);
    machine.start();
    machine.slice(20_000_000);
    expect(machineView(machine.pc, '0x20_0000')[0]!.walk!.physical).to.equal('0x200000');
  });

  it('changes nothing', async () => {
    const machine = await booted();
    const before = machine.pc.stateHash();
    machineView(machine.pc, 'ffff800000000000');
    expect(machine.pc.stateHash()).to.equal(before);
  });
});

describe('parseAddress', () => {
  it('takes hexadecimal digits with or without 0x, and says what is no address', () => {
    expect([parseAddress(' 0xFFFF_8000_0000_0000'), parseAddress('10')]).to.deep.equal([0xffff800000000000n, 16n]);
    for (const text of ['', 'rip', '0x', '12345678901234567'])
      expect(() => parseAddress(text)).to.throw(`${JSON.stringify(text)} is no linear address`);
  });
});
