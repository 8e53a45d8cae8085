// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { verifyState } from '../../../src/bfm/run/verified_state.js';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import type { RunRequest } from '../../../src/bfm/worker/run_request.js';
import { saveMachine } from '../../../src/session/verify_state.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { booted, cpuids, listOf } from '../../session/vmm_guests.js';

const folder = temporaryFolder();

async function verified(module: string): Promise<unknown> {
  const machine = await booted(cpuids, [module]);
  machine.pc.runQuantum(() => true, cpuids.step);
  const request = { modules: [module], testDevice: false } as unknown as RunRequest;
  try {
    return await verifyState(machine, saveMachine(machine), request);
  } finally {
    machine.driver.close();
  }
}

describe('verifyState', () => {
  it('says how many VM exits were alike', async () => {
    expect(await verified(listOf('example_cpuidcount'))).to.equal(1000);
  });

  it('refuses a state that lacks something, with the first difference and advice', async () => {
    const file = folder.write(
      'hidden.ts',
      `import { ExitContribution, ExitReason, vcpuModule, type Exit } from 'bareflank';
       let count = 0;
       class Hidden implements ExitContribution {
         readonly name = 'hidden';
         readonly reasons = [ExitReason.Cpuid];
         handleExit(exit: Exit): boolean { exit.registers.values[8] = BigInt(++count); return false; }
       }
       export default vcpuModule(({ bind }) => bind(ExitContribution).to(Hidden));`,
    );
    const module = folder.write('hidden.modules', JSON.stringify({ modules: [file] }));
    const error = await verified(module).catch((each: unknown) => each);
    expect(error).to.be.instanceOf(SnapshotError);
    expect((error as Error).message).to.match(
      /^--verify-state: nothing is saved, .*: after 1 VM exits, processor 0: R8=1, not R8=[0-9a-f]+; look for state of an extension/,
    );
  });
});
