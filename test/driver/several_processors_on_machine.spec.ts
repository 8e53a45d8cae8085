// SPDX-License-Identifier: LGPL-2.1-only
// A VMM takes over all processors of a machine and gives them back, while they compute; the guest does not notice.
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ExitReason } from '../../src/intrinsics/exit_reasons.js';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { Pc } from '../../src/machine/pc.js';
import { RaceGuest, raceGuest } from '../machine/race_guest.js';
import { coreModule } from '../support/test_core.js';

const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'cpuidcount.modules');
const processors = 4;
const quiet = (): void => {};
/** Turns without which the guest would not have ended: it hangs. */
const mostTurns = 1e6;

async function boot(rounds: number) {
  let output = '';
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: (byte) => (output += String.fromCharCode(byte)),
    com2: quiet,
  });
  pc.boot({ kernel: { name: 'race', bytes: raceGuest(processors, rounds) }, modules: [], append: '' });
  const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
  driver.addModules(cpuidCount);
  return {
    pc,
    driver,
    /** Runs one turn. @returns whether there is another one. */
    turn: () => pc.runQuantum(() => true) === undefined,
    result: () => ({
      output,
      counter: new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + RaceGuest.counter, 1)[0],
      memory: createHash('sha256').update(pc.ram).digest('hex'),
      instructions: pc.processors.map((processor) => processor.instructionCount),
      time: pc.virtualTime,
    }),
  };
}

/** The result of a run without a VMM. */
async function untouched(rounds: number) {
  const guest = await boot(rounds);
  for (let turns = 0; guest.turn(); turns++) expect(turns).to.be.below(mostTurns);
  return guest.result();
}

describe('A guest of four processors does not notice a VMM', () => {
  it('that takes them over before their first instruction: those that wait for a start-up IPI wait on', async () => {
    const { pc, driver, turn, result } = await boot(300);
    await driver.load();
    driver.start();
    expect(pc.processors.map(({ core }) => core.block.get('ACTIVITY'))).to.deep.equal([0, 3, 3, 3]);
    expect(pc.processors.map(({ core }) => core.block.get('VMX_MODE'))).to.deep.equal([2, 2, 2, 2]);
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    // An INIT of a processor that waits for a start-up IPI is lost, and so is no exit.
    expect([pc.exits()[ExitReason.InitSignal], pc.exits()[ExitReason.Sipi]]).to.deep.equal([0, 3]);
    expect(result()).to.deep.equal(await untouched(300));
    expect(result()).to.deep.include({ output: '!', counter: processors * 300 });
    driver.close();
  });

  it('that is stopped before they have been started, and started again', async () => {
    const { pc, driver, turn, result } = await boot(50);
    await driver.load();
    driver.start();
    driver.stop();
    expect(pc.processors.map(({ core }) => core.block.get('VMX_MODE'))).to.deep.equal([0, 0, 0, 0]);
    expect(pc.processors.map(({ core }) => core.block.get('ACTIVITY'))).to.deep.equal([0, 3, 3, 3]);
    driver.start();
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(result()).to.deep.equal(await untouched(50));
    driver.close();
  });

  const times = process.env.BAREFLANK_FULL === '1' ? 100 : 3;
  it(`that comes and goes ${times} times while they compute`, async () => {
    const rounds = times * 5000;
    const { driver, turn, result } = await boot(rounds);
    await driver.load();
    for (let time = 0; time < times; time++) {
      for (let turns = 0; turns < 3 + (time % 5); turns++) expect(turn(), 'it still computes').to.equal(true);
      driver.start();
      for (let turns = 0; turns < 3 + (time % 7); turns++) expect(turn(), 'it still computes').to.equal(true);
      driver.stop();
    }
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(result()).to.deep.equal(await untouched(rounds));
    expect(result().counter).to.equal(processors * rounds);
    driver.close();
  });
});
