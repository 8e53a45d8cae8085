// SPDX-License-Identifier: LGPL-2.1-only
// Virtual time that VM exits take: of the clocks of the processor, the scheduler, and a guest that is saved and cut.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { MachineWithVmm } from '../../src/session/machine_with_vmm.js';

const CPUIDS = 1000;
const modules = [join(packageRoot, 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules')];
const coreModule = new WebAssembly.Module(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));

async function machine(exitCost: number, processors = 1): Promise<MachineWithVmm> {
  const options = { coreModule, memoryBytes: 16 << 20, source: moduleFiles, modules, exitCost, processors };
  const made = await MachineWithVmm.create(options);
  made.boot({
    kernel: { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests', 'cpuid.bin')) },
    append: String(CPUIDS),
  });
  made.driver.start();
  return made;
}

/** Runs to the end, cut into pieces of so many instructions. */
function end({ pc }: MachineWithVmm, most = Infinity): { time: number; instructions: number; hash: string } {
  for (let turns = 0; turns < 100_000 && pc.runQuantum(() => true, most) === undefined; turns++);
  return { time: pc.virtualTime, instructions: pc.instructions, hash: pc.stateHash() };
}

describe('The cost of a VM exit', () => {
  it('is virtual time for each exit, and no instruction', async () => {
    using free = await machine(0);
    const plain = end(free);
    using costly = await machine(700);
    const paid = end(costly);
    expect(paid.instructions).to.equal(plain.instructions);
    expect(paid.time - plain.time).to.equal(700 * costly.pc.exitCount);
    expect(costly.pc.exitCount).to.equal(free.pc.exitCount).and.at.least(CPUIDS);
  });

  for (const processors of [1, 2])
    it(`gives the same run wherever the host cuts it, with ${processors} processors`, async () => {
      const hashes = [];
      for (const most of [Infinity, 997, 13]) {
        using costly = await machine(3000, processors);
        hashes.push(end(costly, most));
      }
      expect(hashes[1]).to.deep.equal(hashes[0]);
      expect(hashes[2]).to.deep.equal(hashes[0]);
    });

  it('is a part of a marked moment', async () => {
    using costly = await machine(3000);
    costly.run(500_000);
    const moment = costly.mark();
    const first = end(costly);
    costly.reset(moment);
    expect(end(costly)).to.deep.equal(first);
  });
});
