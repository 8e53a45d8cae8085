// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { Pc } from '../../src/machine/pc.js';

const four = ['cpuidcount', 'vpid', 'msr_bitmap', 'ept_hook'];
const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
const guest = readFileSync(join(buildFolder, 'guests', 'effects.bin'));

async function run(extensions: readonly string[]) {
  const console: number[] = [];
  const vmm: number[] = [];
  const pc = await Pc.create({
    coreModule,
    memoryBytes: 16 * 1024 * 1024,
    com1: (byte) => void console.push(byte),
    com2: (byte) => void vmm.push(byte),
    debugConsole: () => {},
    exitMark: new Int32Array(1),
  });
  const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
  for (const name of extensions) {
    driver.addModules(join(packageRoot, 'extensions', `hypervisor_example_${name}`, `${name}.modules`));
  }
  await driver.load();
  pc.boot({ kernel: { name: 'effects', bytes: guest }, modules: [], append: '' });
  driver.start();
  while (pc.runQuantum(() => true) === undefined);
  const result = {
    console: String.fromCharCode(...console),
    exits: [...pc.exits()],
    reports: driver.reports(),
    stateHash: pc.stateHash(),
    vmm: String.fromCharCode(...vmm),
  };
  driver.close();
  return result;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

describe('The four example extensions in one VMM', () => {
  it('each show their effect', async () => {
    const { console, exits, reports, vmm } = await run(four);
    expect(console).to.equal(
      'effects of extensions\nbefore: 0 of 10 calls reached the hook\nhooked: 10 of 10 calls reached the hook\nafter: 0 of 10 calls reached the hook\n',
    );
    expect(reports).to.deep.equal({
      cpuidcount: { count: 10 },
      'ept-hook': { taken: 10 },
      vpid: { 'vcpus with a vpid': 1 },
    });
    expect(exits[ExitReason.Cpuid]).to.equal(10);
    expect(exits[ExitReason.Rdmsr]! + exits[ExitReason.Wrmsr]!, 'MSRs pass through').to.equal(0);
    expect(vmm).to.include('enabling vpid: 1').and.to.include('enabling pass through msr bitmap');
  });

  it('read and write MSRs with exits where the bitmap is not loaded', async () => {
    const { exits } = await run(['cpuidcount']);
    expect(exits[ExitReason.Rdmsr]).to.equal(10);
  });

  it('give the same state of the machine in any load order', async () => {
    const hashes = new Set<string>();
    for (const order of permutations(four)) hashes.add((await run(order)).stateHash);
    expect(hashes.size).to.equal(1);
  });
});
