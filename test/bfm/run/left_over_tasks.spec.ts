// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport, RunRequest } from '../../../src/bfm/worker/run_request.js';
import { useHandlerGlobals } from '../../../src/driver/handler_globals.js';
import { LeftOverTaskError, type EntryError } from '../../../src/vmm/errors.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { cpuidRun } from '../recording/own_run.js';

const folder = temporaryFolder();

/** A report, whose lines are of limited length. */
const wordsOf = (detail: string): string => detail.replace(/\s+/g, ' ');

/** Runs the cpuid guest under a contribution that executes statements in its methods, and another one that is asked after it. */
function under(
  name: string,
  { onInit = '', handleExit = '' }: { onInit?: string; handleExit?: string },
  options: Partial<RunRequest> = {},
): Promise<RunReport> {
  const module = folder.write(
    `${name}.ts`,
    `import { ExitContribution, ExitReason, VcpuContribution, vcpuModule } from 'bareflank';
     const later = async () => { await Promise.resolve(); };
     const mine = { name: 'mine', reasons: [ExitReason.Cpuid], onInit() { ${onInit} }, handleExit() { ${handleExit} return false; } };
     const other = { name: 'other', reasons: [ExitReason.Cpuid], after: ['mine'], handleExit: () => false };
     export default vcpuModule(({ bind }) => {
       bind(ExitContribution).toConstantValue(mine);
       bind(ExitContribution).toConstantValue(other);
       bind(VcpuContribution).toConstantValue(mine as never);
     });`,
  );
  const request = { ...cpuidRun, append: '3', modules: [module], ...options };
  return new MachineRun(request, new RunControl(), () => {}).run();
}

describe('What a handler leaves behind', () => {
  afterEach(() => useHandlerGlobals());

  it('ends the machine and is named, though another handler is asked next', async () => {
    const { outcome, detail, machine } = await under('microtask', { handleExit: 'void later();' });
    expect([outcome, machine.exits.cpuid]).to.deep.equal(['dead', 1]);
    expect(wordsOf(detail)).to.include(
      'vcpu 0, exit reason cpuid (10), handler mine: LeftOverTaskError: handler mine made a Promise, or called an async function',
    );
    expect(detail).to.include('likely cause: mine failed while it handled exit cpuid');
  });

  it('is refused while the VMM starts', async () => {
    const error = await under('microtask_at_start', { onInit: 'void later();' }).then(
      () => expect.fail('it ran'),
      (reason: unknown) => reason as Error,
    );
    expect(error.message).to.match(/: LeftOverTaskError: the start of the VMM made a Promise/);
  });

  it('is refused while the VMM is loaded, and leaves nothing of it', async () => {
    const module = folder.write(
      'at_load.ts',
      `import { vmmModule } from 'bareflank'; export default vmmModule(() => void Promise.resolve());`,
    );
    const run = new MachineRun({ ...cpuidRun, modules: [module] }, new RunControl(), () => {}).run();
    const error = await run.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(LeftOverTaskError);
    expect((error as Error).message).to.match(/^the load of the VMM made a Promise/);
  });

  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'])
    it(`may not come from ${name}, which throws where it is called`, async () => {
      const { outcome, detail } = await under(`timer_${name}`, { handleExit: `${name}(() => {}, 1);` });
      expect(outcome).to.equal('dead');
      expect(wordsOf(detail)).to.include(
        `handler mine: LeftOverTaskError: ${name}() would call back at another moment in each run: do the work`,
      );
    });

  it('is the user’s affair with --real-clock', async () => {
    const handleExit = 'void later(); setTimeout(() => {}, 0); queueMicrotask(() => {});';
    const { outcome, machine } = await under('real_clock', { handleExit }, { realClock: true });
    expect([outcome, machine.exits.cpuid]).to.deep.equal(['powered-off', 3]);
  });

  it('is the cause of what the driver throws', async () => {
    const error = await under('type', { onInit: 'setTimeout(later, 1);' }).catch((reason: unknown) => reason);
    expect((error as EntryError).causedBy).to.be.instanceOf(LeftOverTaskError);
  });
});
