// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Pc } from '../../../src/machine/pc.js';
import type { MachineState } from '../../../src/machine/state/machine_state.js';
import { SiteSnapshot } from '../../../src/site/machine/site_snapshot.js';
import { snapshotFiles } from '../../../src/site/machine/snapshot_files.js';
import { coreBytes } from './node_surroundings.js';

const coreModule = await WebAssembly.compile(coreBytes);
const place = { instructions: 5, stateHash: '0123456789abcdef' };
const PAGE = 4096;

describe('snapshotFiles', () => {
  it('keep pages of the carve-out with the state: a machine waits for pages of RAM only', async () => {
    const pc = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
    pc.core.guestRam.set([1], 5 * PAGE);
    const state = pc.save();
    const carveOut = { numbers: Uint32Array.of((16 << 20) / PAGE), bytes: new Uint8Array(PAGE).fill(7) };
    const withVmm: MachineState = { ...state, pages: [...state.pages, carveOut] };
    const files = snapshotFiles(withVmm, place, new Set());
    const bytesOf = (name: string): Uint8Array => files.find((file) => file.name === name)!.bytes;
    const snapshot = await SiteSnapshot.open({ fetch: (name) => Promise.resolve(bytesOf(name)), fetchNow: bytesOf });
    expect([...snapshot.numbers]).to.not.include(carveOut.numbers[0]);
    const copy = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
    snapshot.restore(copy);
    expect([...copy.save().pages].flatMap(({ numbers }) => [...numbers])).to.include(carveOut.numbers[0]);
  });

  it('take a state whose pieces share one buffer, as those of a file do', async () => {
    const pc = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
    for (const page of [5, 6, 7]) pc.core.guestRam.set([page], page * PAGE);
    const state = pc.save();
    const shared = new Uint8Array(PAGE);
    function* pieces() {
      for (const page of [5, 6, 7]) {
        shared.fill(0).set([page]);
        yield { numbers: Uint32Array.of(page), bytes: shared };
      }
    }
    expect(snapshotFiles({ ...state, pages: pieces() }, place, new Set([6]))).to.deep.equal(
      snapshotFiles(state, place, new Set([6])),
    );
  });
});
