// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { root } from '../../architecture/source_files.js';
import type { RecordedItem } from '../../../src/session/recorded_item.js';
import { SessionRecorder } from '../../../src/session/session_recorder.js';
import { useHandlerGlobals } from '../../../src/driver/handler_globals.js';
import type { BundledModules } from '../../../src/site/machine/bundled_modules.js';
import { SiteMachine } from '../../../src/site/machine/site_machine.js';
import { SitePorts } from '../../../src/site/machine/site_ports.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bundleOf, coreBytes, fetchFile, nodeModules, ownGuest } from './node_surroundings.js';

const coreModule = await WebAssembly.compile(coreBytes);
const cpuidcount = await bundleOf(join(root, 'extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts'));
const cpuidValue = await bundleOf(join(root, 'extensions/hypervisor_example_cpuid_value/cpuid_value.ts'));
const guest = ownGuest('cpuid', '100000');
const kernel = { name: 'cpuid', bytes: await fetchFile(guest.kernel) };

async function booted(): Promise<{ machine: SiteMachine; items: RecordedItem[]; source: BundledModules }> {
  const items: RecordedItem[] = [];
  const source = nodeModules();
  source.add('cpuidcount', cpuidcount);
  source.add('cpuid_value', cpuidValue);
  const machine = await SiteMachine.create({
    coreModule,
    memoryBytes: guest.memoryBytes,
    processors: 1,
    pace: 'fast',
    ports: new SitePorts(() => {}),
    source,
    recorder: new SessionRecorder({ write: (item) => items.push(item), now: () => 0 }),
  });
  machine.boot({ kernel, modules: [], append: guest.append });
  return { machine, items, source };
}

describe('SiteMachine', () => {
  const folder = temporaryFolder();
  afterEach(() => useHandlerGlobals());

  it('loads, starts and stops extensions under a running guest, and each call is an event of the run', async () => {
    const { machine, items } = await booted();
    machine.slice(500_000);
    await machine.load(['cpuidcount']);
    machine.start();
    machine.slice(1_000_000);
    const { count } = machine.status.reports.cpuidcount!;
    expect(Number(count)).to.be.greaterThan(0);
    machine.stop();
    const calls = items.flatMap((item) => (item.kind === 'event' && item.event.kind === 'call' ? [item] : []));
    expect(calls.map(({ event }) => event.kind === 'call' && event.method)).to.deep.equal(['load', 'start', 'stop']);
    expect(calls.map(({ at }) => at.virtualTime >= 500_000)).to.deep.equal([true, true, true]);
  });

  it('loads with values of parameters, which are part of the event', async () => {
    const { machine, items } = await booted();
    machine.slice(500_000);
    const settings = { 'cpuid_value.leaf': '0' };
    await machine.perform('load', { modules: ['cpuid_value'], settings });
    machine.start();
    machine.slice(1_000_000);
    expect(Number(machine.status.reports['cpuid-value']!.changed)).to.be.greaterThan(0);
    const loads = items.flatMap((item) =>
      item.kind === 'event' && item.event.kind === 'call' ? [item.event.params] : [],
    );
    expect(loads[0]).to.deep.equal({ modules: ['cpuid_value'], settings });
    const refused = await machine
      .load(['cpuid_value'], { 'cpuid_value.none': '1' })
      .catch((error: Error) => error.message);
    expect(refused).to.include('there is no such parameter');
  });

  it('loads another time while the VMM runs: the old one is stopped first', async () => {
    const { machine } = await booted();
    await machine.load(['cpuidcount']);
    machine.start();
    await machine.load([]);
    expect(machine.status).to.deep.include({ vmm: 'VMM_LOADED', reports: {} });
  });

  for (const [what, statement] of [
    ['an async function', 'void later();'],
    ['an async generator', 'void each().next();'],
    ['Promise.resolve', 'void Promise.resolve();'],
    ['Promise behind globalThis', 'void globalThis.Promise.resolve();'],
  ] as const)
    it(`ends with the name of the handler that makes a Promise by ${what}`, async () => {
      const { machine, source } = await booted();
      const file = folder.write(
        'leaving.ts',
        `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
         const later = async () => { await 1; };
         const each = async function* () { for await (const one of [1]) yield one; };
         const mine = { name: 'mine', reasons: [ExitReason.Cpuid], handleExit() { ${statement} return false; } };
         export default vcpuModule(({ bind }) => { bind(ExitContribution).toConstantValue(mine); });`,
      );
      source.add('leaving', await bundleOf(file));
      await machine.load(['leaving']);
      machine.start();
      machine.slice(1_000_000);
      const { end } = machine.session;
      expect(end?.kind).to.equal('dead');
      expect(JSON.stringify(end)).to.include('LeftOverTaskError: handler mine made a Promise');
    });

  it('makes the calls of a recording, and no others', async () => {
    const { machine } = await booted();
    await machine.perform('load', { modules: ['cpuidcount'] });
    await machine.perform('start', {});
    expect(machine.driver.status).to.equal('VMM_RUNNING');
    await machine.perform('stop', {});
    expect(machine.driver.status).to.equal('VMM_LOADED');
    const refused = await machine.perform('vmcall', {}).catch((error: Error) => error.message);
    expect(refused).to.equal('a page makes no call vmcall of a driver');
  });
});
