// SPDX-License-Identifier: LGPL-2.1-only
// Debian's kernel under a VMM, moved from machine to machine with it. In the long tests, with the kernel that BAREFLANK_DEBIAN_KERNEL names.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { Pc } from '../../src/machine/pc.js';
import { compareRuns, restoreMachine, saveMachine, type DrivenMachine } from '../../src/session/verify_state.js';
import { randomNumbers } from '../machine/random_numbers.js';
import { coreModule } from '../support/test_core.js';
import { listOf } from './vmm_guests.js';

const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';
/** Instructions of all processors together between two comparisons. */
const step = 1e8;
const steps = 4;

async function newMachine(processors: number): Promise<DrivenMachine> {
  const memoryBytes = 256 << 20;
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes,
    processors,
    com1: () => {},
    com2: () => {},
  });
  const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
  driver.addModules(listOf('example_cpuidcount'));
  return { pc, driver };
}

async function booted(processors: number, start: 'boot' | 'late'): Promise<DrivenMachine> {
  const machine = await newMachine(processors);
  const { pc, driver } = machine;
  pc.boot({ kernel: { name: 'vmlinuz', bytes: readFileSync(kernel) }, modules: [], append: 'console=ttyS0' });
  await driver.load();
  if (start === 'late') runTo(machine, step / 2);
  driver.start();
  return machine;
}

/** Runs to a count of instructions of all processors together. */
function runTo({ pc, driver }: DrivenMachine, point: number): void {
  driver.takeOutput();
  while (pc.instructions < point)
    expect(
      pc.runQuantum(() => true, point - pc.instructions),
      `before ${point}`,
    ).to.equal(undefined);
}

describe("Debian's kernel under cpuidcount in snapshots", function () {
  this.timeout(1_800_000);

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1' || kernel === '') this.skip();
  });

  for (const [processors, start] of [
    [1, 'boot'],
    [4, 'boot'],
    [4, 'late'],
  ] as const)
    it(`goes on as without them on ${processors} processors, the VMM started ${start}, and exits alike`, async () => {
      const next = randomNumbers(processors);
      const undisturbed = await booted(processors, start);
      let machine = await booted(processors, start);
      for (let i = 0; i < steps; i++) {
        runTo(machine, i * step + step / 2 + 1 + next(step / 2 - 1));
        const saved = saveMachine(machine);
        machine = await newMachine(processors);
        await restoreMachine(machine, structuredClone(saved));
        for (const each of [undisturbed, machine]) runTo(each, (i + 1) * step);
        expect(machine.pc.stateHash()).to.equal(undisturbed.pc.stateHash());
        expect(machine.driver.reports()).to.deep.equal(undisturbed.driver.reports());
      }
      const { exits, difference } = compareRuns(undisturbed, machine);
      expect(difference).to.equal(undefined);
      expect(exits).to.be.greaterThan(0);
      machine.driver.close();
    });
});
