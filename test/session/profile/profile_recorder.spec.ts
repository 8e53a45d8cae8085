// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { Pc } from '../../../src/machine/pc.js';
import { ProfileRecorder } from '../../../src/session/profile/profile_recorder.js';
import { assemble } from '../../support/assembler.js';

/** 1000 times an instruction at 1, one at 2 and the loop. */
const guest = assemble(
  ['mov ecx, 1000', 'again: nop', 'nop', 'dec ecx', 'jnz again', 'cli', 'hlt'],
  64,
  FLAT_IMAGE_ADDRESS,
);

async function profiled(interval: number | undefined, most?: number, processors = 1) {
  const coreModule = new WebAssembly.Module(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
  const pc = await Pc.create({ coreModule, memoryBytes: 16 << 20, processors, com1: () => {}, com2: () => {} });
  pc.boot({ kernel: { name: 'guest', bytes: guest }, modules: [], append: '' });
  const recorder = new ProfileRecorder({ interval: interval ?? 1, now: () => 0, ...(most !== undefined && { most }) });
  if (interval !== undefined) recorder.attach(pc);
  for (let turns = 0; turns < 100_000 && pc.runQuantum(() => true) === undefined; turns++);
  const samples = Array.from({ length: recorder.size }, (_, index) => recorder.at(index));
  return { pc, recorder, samples, places: samples.map(({ rip }) => Number(rip) - FLAT_IMAGE_ADDRESS) };
}

describe('ProfileRecorder', () => {
  it('looks at each multiple of its interval, exactly', async () => {
    const { pc, places } = await profiled(1);
    // Behind each instruction: the places are those of the instructions that come next.
    expect(places.slice(0, 6)).to.deep.equal([5, 6, 7, 9, 5, 6]);
    expect(places).to.have.length(pc.instructions);
    const { places: each4th } = await profiled(4);
    expect(new Set(each4th)).to.deep.equal(new Set([9]));
    expect(each4th).to.deep.equal(places.filter((_, index) => index % 4 === 3));
  });

  it('changes nothing of the run', async () => {
    const hash = async (interval?: number): Promise<string> => (await profiled(interval)).pc.stateHash();
    expect([await hash(1), await hash(7), await hash(1000)]).to.deep.equal(Array(3).fill(await hash()));
  });

  it('has the privilege level and the processor of each sample', async () => {
    const { samples } = await profiled(10, undefined, 2);
    expect(new Set(samples.map(({ processor, privilege }) => `${processor} ${privilege}`))).to.deep.equal(
      new Set(['0 0']),
    );
  });

  it('has the address space of each sample: the page of CR3, without its flags', async () => {
    const { pc, samples } = await profiled(10);
    const page = Number(pc.core.block.get('CR3')) & ~0xfff;
    expect(page).to.be.greaterThan(0);
    expect(new Set(samples.map(({ space }) => space))).to.deep.equal(new Set([page]));
  });

  it('drops every second sample when there are too many, and looks half as often from then on', async () => {
    const { recorder, places } = await profiled(1, 1000);
    const { places: all } = await profiled(1);
    expect(recorder.interval).to.be.greaterThan(1);
    expect(places.length).to.be.within(500, 1000);
    expect(places.slice(0, 5)).to.deep.equal([0, 1, 2, 3, 4].map((index) => all[index * recorder.interval]));
  });

  it('counts the time in which a processor sleeps', () => {
    const recorder = new ProfileRecorder({ interval: 10, now: () => 0 });
    recorder.slept.push(0);
    recorder.waited(0, 100, 250, true);
    recorder.waited(0, 250, 300, false);
    expect(recorder.slept).to.deep.equal([150]);
  });
});
