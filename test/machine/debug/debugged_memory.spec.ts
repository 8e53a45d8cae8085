// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DebuggedMemory } from '../../../src/machine/debug/debugged_memory.js';
import { raceGuest } from '../race_guest.js';
import { sessionOf } from '../../bfm/gdb/gdb_client.js';

const memoryOf = async () => {
  const { pc } = await sessionOf(raceGuest(1, 1));
  return { pc, memory: new DebuggedMemory(pc) };
};

describe('DebuggedMemory', () => {
  it('reads and writes across pages, as far as there is memory', async () => {
    const { pc, memory } = await memoryOf();
    expect(memory.write(0, 0x400ffdn, Uint8Array.of(1, 2, 3, 4, 5))).to.equal(true);
    expect([...memory.read(0, 0x400ffen, 3)]).to.deep.equal([2, 3, 4]);
    const end = BigInt(pc.ram.length);
    memory.isPhysical = true;
    expect(memory.read(0, end - 2n, 8).length).to.equal(2);
    expect(memory.write(0, end - 2n, new Uint8Array(8).fill(1))).to.equal(false);
    expect([...memory.read(0, end - 2n, 2)]).to.deep.equal([0, 0]);
    expect(memory.read(0, 0xffff_ffff_ffff_fff0n, 32).length).to.equal(0);
  });

  it('goes by the page tables of a processor, and changes nothing', async () => {
    const { pc, memory } = await memoryOf();
    const { block } = pc.core;
    const hash = pc.stateHash();
    expect(memory.translate(0, 0x12345n)).to.equal(0x12345n);
    expect(memory.translate(0, 1n << 46n)).to.equal(undefined);
    memory.read(0, 0x100000n, 0x2000);
    expect(pc.stateHash()).to.equal(hash);
    expect(block.get('CR3')).to.not.equal(0n);
  });
});
