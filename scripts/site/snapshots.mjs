// SPDX-License-Identifier: LGPL-2.1-only
// Snapshots of `bfm run --save` as files of a site.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildFolder } from '../build/paths.mjs';

const load = (path) => import(join(buildFolder, 'src', path));

/** Nanoseconds that a guest gets to answer: its prompt after Enter, and its first work under a VMM. */
const ANSWER = 500_000_000;

/** A machine of the snapshot's kind, as a page makes it. */
async function machineLike({ model, memoryBytes, processors }) {
  const [{ SiteMachine }, { SitePorts }, { processorModel }] = await Promise.all(
    ['site/machine/site_machine.js', 'site/machine/site_ports.js', 'machine/models/processor_models.js'].map(load),
  );
  const ports = new SitePorts(() => {});
  const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu/cpu.wasm')));
  const kind = { coreModule, memoryBytes, processors: processors.length, model: processorModel(model) };
  return { ports, machine: await SiteMachine.create({ ...kind, pace: 'fast', ports, source: {} }) };
}

/**
 * The pages that a machine needs first: those that a run in Node needs which shows a prompt, starts a VMM under it and shows another one. A run in a
 * page that does the same needs the same pages.
 */
async function firstPages(state) {
  const { snapshotFiles } = await load('site/machine/snapshot_files.js');
  const { SiteSnapshot } = await load('site/machine/site_snapshot.js');
  // With nothing wanted first, each page comes with its group: `load` is told which page it was.
  const files = new Map(
    snapshotFiles(state, { instructions: 0, stateHash: '' }, new Set()).map(({ name, bytes }) => [name, bytes]),
  );
  const snapshot = await SiteSnapshot.open({
    fetch: async (name) => files.get(name),
    fetchNow: (name) => files.get(name),
  });
  const wanted = new Set();
  const { machine, ports } = await machineLike(state);
  const one = (number) => {
    wanted.add(number);
    const { numbers, bytes } = snapshot.load(number);
    const at = numbers.indexOf(number);
    return { numbers: numbers.slice(at, at + 1), bytes: bytes.slice(at * 4096, (at + 1) * 4096) };
  };
  snapshot.restore(machine.pc, one);
  const answer = () => {
    ports.type([...Buffer.from('\n')]);
    const until = machine.pc.virtualTime + ANSWER;
    while (machine.pc.virtualTime < until && machine.session.end === undefined) machine.slice(until);
  };
  answer();
  await machine.load([]);
  machine.start();
  answer();
  return wanted;
}

/**
 * Puts a snapshot into a site.
 *
 * @param file of `bfm run --save` @returns the guest of the site's catalog @throws if it has disks or a VMM, which a page has not
 */
export async function placeSnapshot(file, folder) {
  const { readSnapshot } = await load('bfm/snapshot/snapshot_file.js');
  const { header, state, driver } = await readSnapshot(file);
  if (header.disks.length > 0) throw new Error(`${file}: its machine has disks; a page has none`);
  if (driver?.image !== undefined) throw new Error(`${file}: a VMM was loaded; save the machine without one`);
  const { snapshotFiles } = await load('site/machine/snapshot_files.js');
  const name = basename(file).replace(/\.[^.]*$/, '');
  // Another snapshot has other addresses: a browser may have kept pages of the old one.
  const address = `snapshots/${name}-${header.stateHash}`;
  mkdirSync(join(folder, address), { recursive: true });
  for (const { name: each, bytes } of snapshotFiles(state, header, await firstPages(state)))
    writeFileSync(join(folder, address, each), bytes);
  return { name, id: header.stateHash, snapshot: address };
}
