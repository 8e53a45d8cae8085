// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { RecordedItem } from '../../../src/session/recorded_item.js';
import { Pc } from '../../../src/machine/pc.js';
import { snapshotFiles } from '../../../src/site/machine/snapshot_files.js';
import { coreBytes, fetchFile, ownGuest } from './node_surroundings.js';
import { cpuidcount, TriedService } from './tried_service.js';

/** A machine that sleeps in the guest `echo`, as files of a site. Only the pages to which its TLBs lead are wanted first. */
async function echoSnapshot() {
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(coreBytes),
    memoryBytes: 32 << 20,
    com1: () => {},
    com2: () => {},
  });
  pc.boot({
    kernel: { name: 'echo', bytes: await fetchFile(ownGuest('echo', '').kernel) },
    modules: [],
    append: '',
  });
  while (pc.virtualTime < 30_000_000) pc.runQuantum(() => true);
  const state = pc.save();
  const wanted = new Set(state.processors.flatMap(({ tlbs }) => tlbs.flatMap(({ frames }) => [...frames])));
  const stateHash = pc.stateHash();
  const { instructions } = pc;
  return { state, stateHash, files: snapshotFiles(state, { instructions, stateHash }, wanted) };
}

/** The state hash at the end of a run. */
function endOf(items: readonly RecordedItem[]): string | undefined {
  const last = items.at(-1)!;
  return last.kind === 'end' ? last.hash : undefined;
}

describe('MachineService', () => {
  it('boots a guest under an extension, and tells what was printed, what exited, and how it ended', async () => {
    const tried = new TriedService();
    const modules = ['cpuidcount'];
    await tried.request('boot', { guest: ownGuest('cpuid', '1000'), processors: 1, modules });
    await tried.until(() => tried.heard.first('ended') !== undefined);
    expect(tried.heard.text('console')).to.include('guest executed 1000 cpuids');
    expect(tried.heard.first('ended')).to.include({ outcome: 'powered-off' });
    const { status } = tried.heard;
    expect(Object.fromEntries(status.exits)).to.include({ cpuid: 1000 });
    expect(status.reports).to.deep.equal({ cpuidcount: { count: 1000 } });
    expect(status.instructions).to.be.greaterThan(1000);
  });

  it('starts and stops the VMM under a running guest, which takes what is typed', async () => {
    const tried = new TriedService();
    await tried.request('boot', { guest: ownGuest('echo', ''), processors: 1 });
    await tried.request('load', { modules: ['cpuidcount'] });
    await tried.request('start', {});
    expect(tried.heard.status.vmm).to.equal('VMM_RUNNING');
    tried.service.receive({ kind: 'typed', bytes: [...Buffer.from('under the VMM')] });
    await tried.until(() => tried.heard.text('console').includes('under the VMM'));
    await tried.request('stop', {});
    expect(tried.heard.status.vmm).to.equal('VMM_LOADED');
    expect(tried.heard.text('vmm')).to.include('cpuid count = ');
  });

  it('goes on from a snapshot, whose pages it fetches when the machine needs them', async () => {
    const { files, state, stateHash } = await echoSnapshot();
    const tried = new TriedService();
    for (const { name, bytes } of files) tried.files.set(`snapshots/echo/${name}`, bytes);
    const params = { guest: { name: 'echo', id: stateHash, snapshot: 'snapshots/echo' }, processors: 1 };
    // Served one after the other, before the machine runs.
    tried.service.receive({ kind: 'request', id: -1, method: 'boot', params });
    expect((await tried.request('hash', {})).hash).to.equal(stateHash);
    const groups = files.filter(({ name }) => name.startsWith('pages_')).map(({ name }) => `snapshots/echo/${name}`);
    expect(tried.fetchedNow).to.deep.equal(groups).and.to.not.be.empty;
    tried.service.receive({ kind: 'typed', bytes: [...Buffer.from('again')] });
    await tried.until(() => tried.heard.text('console').includes('again'));
    expect([...state.pages]).to.not.be.empty;
  });

  it('makes a recorded run again up to its end, with the same state, and goes on from there', async () => {
    const guest = ownGuest('echo', '');
    const first = new TriedService();
    await first.request('boot', { guest, processors: 2, modules: ['cpuidcount'] });
    first.service.receive({ kind: 'typed', bytes: [...Buffer.from('once')] });
    await first.until(() => first.heard.text('console').includes('once'));
    await first.request('stop', {});
    await first.request('start', {});
    const replay = await first.request('recording', {});
    const calls = replay.flatMap((item) =>
      item.kind === 'event' ? [item.event.kind === 'call' && item.event.method] : [],
    );
    expect(calls).to.deep.equal(['load', 'start', false, 'stop', 'start']);
    const second = new TriedService();
    await second.request('boot', { guest, processors: 2, replay });
    await second.until(() => second.heard.first('replayed') !== undefined);
    expect(second.heard.first('replayed')).to.deep.equal({
      kind: 'replayed',
      hash: endOf(replay),
    });
    expect(second.heard.text('console')).to.equal(first.heard.text('console'));
    second.service.receive({ kind: 'typed', bytes: [...Buffer.from('twice')] });
    await second.until(() => second.heard.text('console').includes('twice'));
    expect((await second.request('recording', {})).slice(0, 5)).to.deep.equal(replay.slice(0, 5));
  });

  it('makes a run again that ended by itself, and says how a run differs from the recorded one', async () => {
    const guest = ownGuest('cpuid', '10');
    const first = new TriedService();
    await first.request('boot', { guest, processors: 1 });
    await first.until(() => first.heard.first('ended') !== undefined);
    const replay = await first.request('recording', {});
    const second = new TriedService();
    await second.request('boot', { guest, processors: 1, replay });
    await second.until(() => second.heard.first('ended') !== undefined);
    expect(second.heard.first('replayed')).to.deep.equal({ kind: 'replayed', hash: endOf(replay) });
    const other = new TriedService();
    await other.request('boot', { guest: { ...guest, append: '11' }, processors: 1, replay });
    await other.until(() => other.heard.first('ended') !== undefined);
    expect(other.heard.first('replayed')!.difference).to.match(/^the recorded run ended after \d[\d ]* instructions$/);
  });

  it('shows its processors, and loads a bundle that came in a message', async () => {
    const tried = new TriedService();
    await tried.request('addModule', { name: 'edited_1', code: cpuidcount });
    await tried.request('boot', { guest: ownGuest('echo', ''), processors: 1, modules: ['edited_1'] });
    const [processor] = await tried.request('view', { address: '200000' });
    expect(processor).to.include({ processor: 0, cpl: 0 });
    expect(processor!.vmcs).to.not.be.empty;
    expect(processor!.walk).to.include({ linear: '0x200000' });
  });

  it('says why it refuses: no machine, two machines, an extension that there is not', async () => {
    const messageOf = (attempt: Promise<unknown>): Promise<string> =>
      attempt.then(
        () => 'no error',
        (error: Error) => error.message,
      );
    const tried = new TriedService();
    expect(await messageOf(tried.request('start', {}))).to.equal('there is no machine yet: boot one first');
    const guest = ownGuest('echo', '');
    await tried.request('boot', { guest, processors: 1 });
    expect(await messageOf(tried.request('boot', { guest, processors: 1 }))).to.match(/^this worker has a machine/);
    expect(await messageOf(tried.request('load', { modules: ['nothing'] }))).to.equal(
      'there is no extension nothing; there are: cpuidcount',
    );
  });
});
