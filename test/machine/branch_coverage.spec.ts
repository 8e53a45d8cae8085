// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { placeOfBranch } from '../../src/machine/branch_coverage.js';
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { Pc } from '../../src/machine/pc.js';
import { assemble } from '../support/assembler.js';
import { coreModule } from '../support/test_core.js';
import { raceGuest } from './race_guest.js';
import { timerGuest } from './state/snapshot_guests.js';

async function booted(bytes: Uint8Array, processors = 1): Promise<Pc> {
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: () => {},
    com2: () => {},
  });
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  return pc;
}

/** Runs to the end, in pieces of so many instructions. */
function run(pc: Pc, most = Infinity): void {
  for (let pieces = 0; pc.runQuantum(() => true, most) === undefined; pieces++)
    if (pieces > 1e6) throw new Error('the guest does not end');
}

/** A guest with all kinds of near branches, some of them to the next instruction or to themselves. */
const branches = assemble(
  [
    'mov ecx, 5',
    'first: loop first',
    'mov ecx, 3',
    'again: call routine',
    'lea rax, [rip + routine]',
    'call rax',
    'test ecx, 1',
    'jz even',
    'nop',
    'even: jmp next',
    'next: jnz odd',
    'odd: lea rax, [rip + onward]',
    'jmp rax',
    'nop',
    'onward: xor eax, eax',
    'cpuid',
    'mov ecx, [0x700]',
    'inc ecx',
    'mov [0x700], ecx',
    'cmp ecx, 300',
    'jb again',
    'lea rsi, [rip + first]',
    'mov edi, 0x710',
    'mov ecx, 20',
    'rep movsb',
    'cli',
    'hlt',
    'routine: push rcx',
    'pop rcx',
    'ret',
  ],
  64,
  FLAT_IMAGE_ADDRESS,
);

/** The map of a run of one processor by its own RIPs: a branch leads elsewhere than to the next instruction. */
async function stepped(bytes: Uint8Array, lengths: ReadonlyMap<bigint, number>): Promise<Uint8Array> {
  const pc = await booted(bytes);
  const map = new Uint8Array(0x10000);
  const { block } = pc.core;
  for (let end; end === undefined;) {
    const [from, before] = [block.get('RIP'), pc.instructions];
    end = pc.runQuantum(() => true, 1);
    const to = block.get('RIP');
    const place = placeOfBranch(from, to);
    const isBranch = pc.instructions > before && lengths.get(from) !== Number(to - from);
    if (isBranch) map[place] = Math.min(map[place]! + 1, 255);
  }
  return map;
}

describe('BranchCoverage', () => {
  for (const most of [Infinity, 1000, 7, 1])
    it(`counts each kind of taken branch, where the host cuts after ${most} instructions`, async () => {
      const pc = await booted(branches);
      pc.coverage.start();
      run(pc, most);
      const at = (from: number, to: number): number =>
        pc.coverage.map[placeOfBranch(BigInt(FLAT_IMAGE_ADDRESS + from), BigInt(FLAT_IMAGE_ADDRESS + to))]!;
      // LOOP is the second instruction, and leads to itself.
      expect(at(5, 5)).to.equal(4);
      const taken = [...pc.coverage.map].filter((count) => count !== 0);
      // LOOP, two calls, two returns, JZ, JMP, JMP RAX, JNZ and JB; the first call also comes from JB.
      expect(taken.length).to.be.within(9, 11);
      expect(taken.filter((count) => count === 255).length).to.be.greaterThan(4);
    });

  it('is the same map wherever the host cuts, and changes nothing of the run', async () => {
    for (const [bytes, processors] of [
      [branches, 1],
      [timerGuest(20), 1],
      [raceGuest(1, 200), 1],
      [raceGuest(4, 50), 4],
    ] as const) {
      const undisturbed = await booted(bytes, processors);
      run(undisturbed);
      const maps = [];
      for (const most of [Infinity, 977, 3, 1]) {
        const pc = await booted(bytes, processors);
        pc.coverage.start();
        run(pc, most);
        expect(pc.stateHash()).to.equal(undisturbed.stateHash());
        maps.push([...pc.coverage.map]);
      }
      expect(maps[0]!.some((count) => count !== 0)).to.equal(true);
      for (const map of maps.slice(1)) expect(map).to.deep.equal(maps[0]);
    }
  });

  it('has what the processor has done, step by step', async () => {
    const loop = assemble(
      ['mov ecx, 9', 'again: test ecx, 1', 'jz even', 'inc eax', 'even: dec ecx', 'jnz again', 'cli', 'hlt'],
      64,
      FLAT_IMAGE_ADDRESS,
    );
    const lengths = [5, 6, 2, 2, 2, 2, 1, 1];
    const addresses = new Map<bigint, number>();
    lengths.reduce((at, length) => (addresses.set(BigInt(at), length), at + length), FLAT_IMAGE_ADDRESS);
    const pc = await booted(loop);
    pc.coverage.start();
    run(pc);
    expect([...pc.coverage.map]).to.deep.equal([...(await stepped(loop, addresses))]);
  });

  it('counts nothing before the start and after the stop, also in code that has run', async () => {
    const pc = await booted(branches);
    pc.runQuantum(() => true, 500);
    expect(pc.coverage.isOn).to.equal(false);
    expect(pc.coverage.map.some((count) => count !== 0)).to.equal(false);
    pc.coverage.start();
    pc.runQuantum(() => true, 500);
    expect(pc.coverage.isOn).to.equal(true);
    const seen = pc.coverage.map.slice();
    expect(seen.some((count) => count !== 0)).to.equal(true);
    pc.coverage.stop();
    run(pc);
    expect(pc.coverage.map).to.deep.equal(seen);
  });

  it('begins again at a reset, and is the same each time', async () => {
    const pc = await booted(raceGuest(2, 100), 2);
    pc.runQuantum(() => true, 500);
    pc.coverage.start();
    pc.runQuantum(() => true, 500);
    const point = pc.mark();
    const maps = [1, 2, 3].map(() => {
      pc.reset(point);
      expect(pc.coverage.map.some((count) => count !== 0)).to.equal(false);
      run(pc);
      return [...pc.coverage.map];
    });
    expect(maps[0]!.some((count) => count !== 0)).to.equal(true);
    expect(maps.slice(1)).to.deep.equal([maps[0], maps[0]]);
  });

  it('says whether a run took branches that earlier runs have not taken, or not as often', async () => {
    const { coverage } = await booted(branches);
    const seen = new Uint8Array(coverage.map.length);
    const isNew = (count: number): boolean => {
      coverage.map[1234] = count;
      return coverage.addTo(seen);
    };
    const counts = [0, 1, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 255, 1, 100];
    const news = [1, 2, 3, 4, 8, 16, 32, 128];
    const first = new Set<number>();
    expect(counts.filter((count) => isNew(count) && !first.has(count) && first.add(count))).to.deep.equal(news);
    expect(seen[1234]).to.equal(255);
    coverage.map[1235] = 1;
    expect([coverage.addTo(seen), coverage.addTo(seen)]).to.deep.equal([true, false]);
  });
});
