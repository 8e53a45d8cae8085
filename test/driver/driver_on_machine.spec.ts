// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { buildFolder, packageRoot } from '../../src/driver/package_paths.js';
import { Pc } from '../../src/machine/pc.js';

const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'exit_handler_cpuid_count.ts');
const cpuids = 200_000;

async function machine() {
  const console: number[] = [];
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: 64 * 1024 * 1024,
    com1: (byte) => void console.push(byte),
    com2: () => {},
    debugConsole: () => {},
    exitMark: new Int32Array(1),
  });
  pc.boot({
    kernel: { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests', 'cpuid.bin')) },
    modules: [],
    append: String(cpuids),
  });
  return { pc, console: () => String.fromCharCode(...console) };
}

/** Runs to the power-off; `between` is called between two quanta with their number. */
function run(pc: Pc, between: (quantum: number) => void = () => {}): void {
  for (let quantum = 0; pc.runQuantum(() => true) === undefined; quantum++) between(quantum);
}

async function withDriver() {
  const all = await machine();
  const driver = await Driver.create({ machine: all.pc.driverHost });
  driver.addModule(cpuidCount);
  await driver.load();
  return { ...all, driver };
}

describe('Driver on the simulated PC', () => {
  it('counts what the machine counts and what the guest says', async () => {
    const { pc, console, driver } = await withDriver();
    driver.start();
    run(pc);
    expect(console()).to.include(`guest executed ${cpuids} cpuids`);
    expect(pc.exits()[10]).to.equal(cpuids);
    expect(driver.reports()).to.deep.equal({ cpuidcount: { count: cpuids } });
    driver.close();
  });

  it('starts and stops again and again under a running guest, which computes what it computes alone', async () => {
    const alone = await machine();
    run(alone.pc);
    const { pc, console, driver } = await withDriver();
    let starts = 0;
    run(pc, (quantum) => {
      if (quantum % 4 === 1) {
        driver.start();
        starts++;
      } else if (quantum % 4 === 3) {
        expect(driver.vmcall(0, { r00: 1n, r02: 1n }).r03).to.equal(1n);
        driver.stop();
      }
    });
    expect(starts).to.be.greaterThan(3);
    expect(console()).to.equal(alone.console());
    expect(pc.instructions, 'the VMM costs the guest no time').to.equal(alone.pc.instructions);
    driver.close();
  });
});
