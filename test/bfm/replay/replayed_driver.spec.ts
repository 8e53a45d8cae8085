// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ReplayedDriver } from '../../../src/bfm/replay/replayed_driver.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { MachineSession } from '../../../src/session/machine_session.js';
import type { SessionPorts } from '../../../src/session/session_ports.js';
import { coreModule } from '../../support/test_core.js';
import { cpuidCount } from '../recording/own_run.js';

const silent = { push: () => {}, flush: () => {} };
const ports: SessionPorts = {
  console: silent,
  vmm: silent,
  hasInput: () => false,
  isInputOpen: () => false,
  takeInput: () => [],
  now: () => 0,
  wantsAttention: () => false,
  quantumEnded: () => {},
};

async function made(): Promise<{ session: MachineSession; driver: ReplayedDriver }> {
  const session = await MachineSession.create(
    { coreModule: await coreModule(), memoryBytes: 16 << 20, pace: 'fast' },
    ports,
  );
  session.boot({ kernel: { name: 'guest', bytes: Uint8Array.of(0xeb, 0xfe) }, modules: [], append: '' });
  const driver = await ReplayedDriver.create(session, { source: moduleFiles, machine: session.pc.driverAccess });
  return { session, driver };
}

describe('ReplayedDriver', () => {
  it('makes the calls of the recorded run; those that fail are no errors, and it keeps why the last one failed', async () => {
    const { driver } = await made();
    expect(driver.lastFailure).to.equal(undefined);
    driver.start();
    expect(driver.lastFailure).to.match(/^start: ./);
    expect(driver.driver.status).to.equal('VMM_UNLOADED');
    await driver.call({ kind: 'call', method: 'load', params: { files: ['/not/there.ts'] } });
    expect(driver.lastFailure).to.match(/^load: .*\/not\/there\.ts/);
    expect(driver.driver.status).to.equal('VMM_UNLOADED');
    await driver.call({ kind: 'call', method: 'load', params: { files: [cpuidCount] } });
    await driver.call({ kind: 'call', method: 'start', params: {} });
    expect(driver.driver.status).to.equal('VMM_RUNNING');
    driver.driver.close();
  });

  it('goes on with a saved VMM in another driver, which takes calls', async () => {
    const { session, driver } = await made();
    await driver.load([cpuidCount], {});
    const loaded = driver.driver.save();
    const beforeStart = session.pc.checkpoints.take();
    driver.startAtBoot();
    const running = driver.driver.save();
    const afterStart = session.pc.checkpoints.take();
    const first = driver.driver;
    for (const [saved, checkpoint, status] of [
      [loaded, beforeStart, 'VMM_LOADED'],
      [running, afterStart, 'VMM_RUNNING'],
    ] as const) {
      driver.driver.close();
      session.pc.checkpoints.goTo(checkpoint);
      await driver.restore(saved);
      expect(driver.driver.status).to.equal(status);
      expect(driver.driver.save()).to.deep.equal(saved);
    }
    expect(driver.driver).to.not.equal(first);
    await driver.call({ kind: 'call', method: 'stop', params: {} });
    expect(driver.driver.status).to.equal('VMM_LOADED');
    driver.driver.close();
  });
});
