// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { CompareRun } from '../../../src/bfm/replay/compare_run.js';
import { MachineThread } from '../../../src/bfm/host/machine_thread.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { RunControl, StopRequest } from '../../../src/bfm/worker/run_control.js';
import type { ComparedCell, RunReport } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, root } from '../bfm_process.js';
import { cpuidCount, cpuidRun, recordedRun } from '../recording/own_run.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const compare = (recording: string, files: readonly string[], control = new RunControl()): Promise<RunReport> =>
  new CompareRun({ recording, until: [], checkpoints: 0 }, files, control, () => {}).run();

/** From the third time on, CPUID leaf 0 answers something else. */
const OTHER_CPUID = `
  import { CpuidContribution, state, vcpuModule } from 'bareflank';
  import { injectable } from 'inversify';
  @injectable()
  class OtherCpuid implements CpuidContribution {
    readonly name = 'other-cpuid';
    readonly leaves = [0];
    @state() private calls = 0;
    handleCpuid(_leaf: number, _subleaf: number, registers: Uint32Array): boolean {
      if (++this.calls >= 3) registers[1] = 0x12345678;
      return false;
    }
  }
  export default vcpuModule(({ bind }) => void bind(CpuidContribution).to(OtherCpuid));`;

const exitOf = (cell: ComparedCell) => (typeof cell === 'string' ? expect.fail(cell) : cell);

describe('CompareRun', () => {
  let other: string;
  before(async () => {
    other = folder.write('other.ts', OTHER_CPUID);
    await recordedRun(path('run'));
  });

  it('finds no difference to modules that do the same, though handlers have other names', async () => {
    const same = folder.write(
      'same.ts',
      `import { ExitHandler, ExitHandlerIntelX64, extension, vcpuModule } from 'bareflank';
       @extension()
       export class AnotherName extends ExitHandlerIntelX64 {}
       export default vcpuModule(({ rebind }) => void rebind(ExitHandler).to(AnotherName));`,
    );
    for (const file of [cpuidCount, same]) {
      const { outcome, comparison, detail } = await compare(path('run'), [file]);
      // The guest's 100 CPUIDs, and the driver's VMCALL.
      expect([outcome, comparison]).to.deep.equal(['replayed', { exits: 101, difference: null, rows: [] }]);
      expect(detail).to.equal('101 VM exits compared, no difference');
    }
  });

  it('shows the exits of both from the first difference on, with handlers and registers', async () => {
    const { outcome, comparison, detail } = await compare(path('run'), [other]);
    expect(outcome).to.equal('diverged');
    const { difference, rows, exits } = comparison!;
    expect(difference).to.equal('after the VM exit, processor 0 has other values in: RBX');
    const at = rows.findIndex(([one]) => exitOf(one).registers.length > 0);
    expect(at, 'exits before the difference').to.equal(3);
    for (const [one, changed] of rows.slice(0, at)) expect(one).to.deep.include({ rip: exitOf(changed).rip });
    const [one, changed] = rows[at]!.map(exitOf) as [ReturnType<typeof exitOf>, ReturnType<typeof exitOf>];
    expect(changed).to.deep.include({ reason: 'cpuid', action: 'advanced', registers: ['RBX=12345678'] });
    expect(one).to.deep.include({ rip: changed.rip, instructions: changed.instructions, processor: 0 });
    expect(one.registers[0]).to.match(/^RBX=(?!12345678$)[\da-f]+$/);
    expect(rows.length - at).to.equal(12);
    expect(detail).to.match(
      new RegExp(
        `^the runs are alike for ${exits} VM exits, and differ then: ${difference}\n  recorded modules +other modules\n`,
      ),
    );
    expect(detail).to.match(/^ {2}cpuid at 0x[\da-f]+, qualification 0x0 +cpuid at 0x[\da-f]+, qualification 0x0$/m);
    expect(detail).to.match(/^ {4}RBX=[\da-f]+ +RBX=12345678$/m);
  });

  it('shows an exit that only one of the runs has', async () => {
    const trap = folder.write(
      'trap.ts',
      `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
       class Never implements ExitContribution {
         readonly name = 'never';
         readonly reasons = [ExitReason.Cpuid];
         handleExit(): boolean {
           throw new Error('not today');
         }
       }
       export default vcpuModule(({ bind }) => void bind(ExitContribution).to(Never));`,
    );
    const { comparison } = await compare(path('run'), [trap]);
    expect(comparison!.difference).to.equal('the VM exits differ in: what the handlers did');
    expect(comparison!.rows.at(-1)![1]).to.equal('the machine ended: dead');
  });

  it('gives modules of a machine in the background instead of those of each load', async () => {
    const file = path('hosted');
    const kernel = join(root, 'build/guests/cpuid.bin');
    const machine = new MachineThread({
      ...cpuidRun,
      kernel,
      modules: [],
      start: 'off',
      append: '1000000',
      pace: 'real',
      record: { file, withCode: false },
    });
    try {
      await machine.started();
      await machine.request('load', { files: [cpuidCount] });
      await machine.request('start', {});
      await machine.request('stop', {});
      await machine.request('remove', {});
    } finally {
      await machine.close();
    }
    const same = await compare(file, [cpuidCount]);
    expect(same.comparison, same.detail).to.deep.include({ difference: null });
    expect(same.comparison!.exits).to.be.greaterThan(1);
  });

  it('refuses a recording without a VMM, and can be stopped', async () => {
    await recordedRun(path('bare'), { modules: [], start: 'off' });
    const failure: unknown = await compare(path('bare'), [other]).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(RecordingError);
    expect((failure as Error).message).to.match(/bare cannot be compared: no VMM runs in it$/);
    const control = new RunControl();
    control.requestStop(StopRequest.Interrupted);
    expect((await compare(path('run'), [other], control)).outcome).to.equal('interrupted');
  });

  it('is bfm replay --compare -m, with status 4 for a difference and 2 for half of the options', async () => {
    const changed = await bfm('replay', path('run'), '--compare', '-m', other);
    expect(changed.status).to.equal(4);
    expect(changed.stderr).to.match(/^bfm: the runs are alike for \d+ VM exits, and differ then: after the VM exit/m);
    const json = await bfm('replay', path('run'), '--compare', '-m', 'cpuidcount', '--json');
    const { comparison } = JSON.parse(json.stdout) as RunReport;
    expect([json.status, comparison]).to.deep.equal([0, { exits: 101, difference: null, rows: [] }]);
    for (const half of [['--compare'], ['-m', other], ['--compare', '-m', other, '--until', '5']])
      expect((await bfm('replay', path('run'), ...half)).status, half.join(' ')).to.equal(2);
  });
});
