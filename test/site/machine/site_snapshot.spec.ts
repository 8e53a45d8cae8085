// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { strToU8 } from 'fflate';
import { Pc } from '../../../src/machine/pc.js';
import { SiteSnapshot } from '../../../src/site/machine/site_snapshot.js';
import { snapshotFiles, type SnapshotManifest } from '../../../src/site/machine/snapshot_files.js';
import { coreBytes } from './node_surroundings.js';

const coreModule = await WebAssembly.compile(coreBytes);
const place = { instructions: 5, stateHash: '0123456789abcdef' };
const PAGE = 4096;

/** A machine with one byte in each of some pages of RAM, of which every second one is wanted first. */
async function made() {
  const pc = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
  const numbers = Array.from({ length: 400 }, (_, i) => i * 3);
  for (const number of numbers) pc.core.guestRam.set([number & 0xff, number >> 8, 1], number * PAGE);
  const state = pc.save();
  const wanted = new Set(numbers.filter((_, i) => i % 2 === 0));
  return { pc, state, numbers, files: snapshotFiles(state, place, wanted) };
}

const open = (files: ReturnType<typeof snapshotFiles>, fetched: string[] = []): Promise<SiteSnapshot> => {
  const bytesOf = (name: string): Uint8Array => files.find((file) => file.name === name)!.bytes;
  return SiteSnapshot.open({
    fetch: (name) => Promise.resolve(bytesOf(name)),
    fetchNow: (name) => (fetched.push(name), bytesOf(name)),
  });
};

describe('SiteSnapshot', () => {
  it('restores a machine: the first pages at once, each other one with its group', async () => {
    const { pc, numbers, files } = await made();
    const fetched: string[] = [];
    const snapshot = await open(files, fetched);
    expect(snapshot.manifest).to.include({ memoryBytes: 16 << 20, processors: 1, ...place });
    const copy = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
    snapshot.restore(copy);
    expect(fetched).to.deep.equal([]);
    // The last page of the second group, and the first one of the third.
    expect([...copy.core.guestRam.slice(255 * 3 * PAGE, 255 * 3 * PAGE + 3)]).to.deep.equal([253, 2, 1]);
    expect([...copy.core.guestRam.slice(257 * 3 * PAGE, 257 * 3 * PAGE + 3)]).to.deep.equal([3, 3, 1]);
    expect(fetched).to.deep.equal(['pages_1.bin', 'pages_2.bin']);
    expect(copy.stateHash()).to.equal(pc.stateHash());
    expect([...fetched].sort()).to.deep.equal(['pages_0.bin', 'pages_1.bin', 'pages_2.bin', 'pages_3.bin']);
    expect(snapshot.numbers).to.have.length(numbers.length / 2);
  });

  it('refuses a snapshot of another version, and of a processor that it does not know', async () => {
    const { files } = await made();
    const changed = (change: Partial<SnapshotManifest>): Promise<unknown> => {
      const [{ name, bytes }, ...others] = files as [(typeof files)[0], ...typeof files];
      const manifest = { ...(JSON.parse(Buffer.from(bytes).toString()) as SnapshotManifest), ...change };
      return open([{ name, bytes: strToU8(JSON.stringify(manifest)) }, ...others]).catch(
        (error: Error) => error.message,
      );
    };
    expect(await changed({ layout: 'another' })).to.match(/^the snapshot belongs to another version of this page/);
    expect(await changed({ version: 99 })).to.match(/^the snapshot belongs to another version of this page/);
    expect(await changed({ model: 'z80' })).to.equal('the snapshot has processors of an unknown model: z80');
  });
});
