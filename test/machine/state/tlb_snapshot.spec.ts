// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { restoreTlbs, saveTlbs, TLB_PLACES, type TlbState } from '../../../src/machine/state/tlb_snapshot.js';

const none = 0xffff_ffff_ffff_ffffn;
const fetchPlace = 3 * Constants.TLB_ENTRIES;

/** Memory up to RAM, with empty TLBs. */
function emptyMemory(): { u32: Uint32Array; u64: BigUint64Array } {
  const memory = new ArrayBuffer(Layout.RECORDS);
  const u64 = new BigUint64Array(memory);
  u64.fill(none, Layout.TLBS / 8, Layout.PAGE_MAP / 8);
  return { u32: new Uint32Array(memory), u64 };
}

const set = (places: number[], linear: bigint[], frames: number[], writable: number[], log: number[]) => ({
  places: Uint16Array.from(places),
  linear: BigUint64Array.from(linear),
  frames: Uint32Array.from(frames),
  writable: Uint8Array.from(writable),
  flags: Uint8Array.from(places, (_, i) => i & 3),
  log: Uint16Array.from(log),
});

/** A kernel's page and one below 4 GiB, in data and fetch tables of both sets. */
const state: TlbState = [
  set(
    [5, 1029, fetchPlace + 7],
    [0xffff_ffff_81000n | 5n, 0x405n, 0x12407n],
    [3, 0, 0x50],
    [1, 0, 0],
    [5, fetchPlace + 7, 1029, 5],
  ),
  set([TLB_PLACES - 1], [0x7fffn | 1023n], [9], [0], [TLB_PLACES - 1]),
];

describe('tlb_snapshot', () => {
  it('gives back what was restored, for each processor apart', () => {
    const memory = emptyMemory();
    restoreTlbs(memory, 2, state);
    expect(saveTlbs(memory, 2, [4, 1])).to.deep.equal(state);
    const empty = set([], [], [], [], []);
    expect(saveTlbs(memory, 1, [0, 0])).to.deep.equal([empty, empty]);
    expect(saveTlbs(memory, 3, [0, 0])).to.deep.equal([empty, empty]);
    restoreTlbs(memory, 2, [empty, state[1]]);
    expect(saveTlbs(memory, 2, [0, 1])).to.deep.equal([empty, state[1]]);
  });

  it('writes entries as the core reads them, with the write tags held back', () => {
    const memory = emptyMemory();
    restoreTlbs(memory, 0, state);
    const at = (address: number): bigint[] => [...memory.u64.subarray(address / 8, address / 8 + 3)];
    const addend = (address: number): number => memory.u32[(address + 24) / 4]!;
    const data = Layout.TLBS + 5 * 32;
    const tag = 0xffff_ffff_8100_5000n;
    expect(at(data)).to.deep.equal([tag, none, tag]);
    expect((Number(BigInt.asUintN(32, tag)) + addend(data)) >>> 0).to.equal(Layout.RAM + 3 * 4096);
    const readOnly = Layout.TLBS + Constants.TLB_BYTES + 5 * 32;
    expect(at(readOnly)).to.deep.equal([0x405000n, none, none]);
    const fetch = Layout.TLBS + Constants.TLB_FETCHES + 7 * 32;
    expect(at(fetch), 'the decoder has noted nothing').to.deep.equal([0x12407000n, 0n, 0n]);
    const guestFetch = Layout.TLBS + Constants.TLB_FETCHES + 3 * Constants.TLB_BYTES + 1023 * 32;
    expect(at(guestFetch)[0]).to.equal(0x7fff000n);
    expect([...memory.u32.subarray((Layout.TLBS + Constants.TLB_LOGS) / 4).subarray(0, 4)]).to.deep.equal([
      data,
      fetch,
      readOnly,
      data,
    ]);
  });

  it('counts a write tag as one, wherever the core keeps it, and leaves out a log that has overflowed', () => {
    const memory = emptyMemory();
    restoreTlbs(memory, 0, state);
    const entry = (Layout.TLBS + 5 * 32) / 8;
    memory.u64[entry + 1] = memory.u64[entry + 2]!;
    memory.u64[entry + 2] = none;
    expect(saveTlbs(memory, 0, [4, 1])).to.deep.equal(state);
    const [host] = saveTlbs(memory, 0, [Constants.TLB_LOG_ENTRIES + 1, 1]);
    expect([host.log.length, host.places]).to.deep.equal([0, state[0].places]);
  });
});
