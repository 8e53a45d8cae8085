// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MachineThread } from '../../../src/bfm/host/machine_thread.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { CompareRun } from '../../../src/bfm/replay/compare_run.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { replayStartOf } from '../../../src/bfm/replay/replay_start.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport, RunRequest } from '../../../src/bfm/worker/run_request.js';
import { useHandlerGlobals } from '../../../src/driver/handler_globals.js';
import type { ReplayPoint } from '../../../src/session/replay/replay_point.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, root } from '../bfm_process.js';
import { cpuidCount, cpuidRun, recordedRun, rewrite } from '../recording/own_run.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const replay = (recording: string, ...until: readonly ReplayPoint[]): Promise<RunReport> =>
  new ReplayRun({ recording, until, checkpoints: 2 ** 30 }, new RunControl(), () => {}).run();
const instruction = (count: number): ReplayPoint => ({ kind: 'instruction', count });
const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as Error,
  );

/** Saves a run at an instruction. */
async function snapshot(name: string, request: Partial<RunRequest>, at: number): Promise<string> {
  const save = { path: path(name), at };
  const { outcome } = await new MachineRun(
    { ...cpuidRun, append: '3000', ...request, save },
    new RunControl(),
    () => {},
  ).run();
  expect(outcome).to.equal('saved');
  return save.path;
}

/** A run that goes on from a snapshot. */
const from = (kernel: string, modules: readonly string[] = []): Partial<RunRequest> => ({
  kernel,
  isRestored: true,
  append: '',
  modules,
  start: modules.length > 0 ? 'late' : 'off',
});

const echo = { kernel: join(root, 'build/guests/echo.bin'), append: '', modules: [], start: 'off' } as const;
/** Instructions of the echo guest after which it waits for input. */
const ECHO_WAITS = 2000;

/** Draws a number at each CPUID. */
const drawing = (): string =>
  folder.write(
    'drawing.ts',
    `import { ExitContribution, ExitReason, ReportContribution, state, vcpuModule } from 'bareflank';
     import { injectable } from 'inversify';
     @injectable()
     class Drawing implements ExitContribution, ReportContribution {
       readonly name = 'drawing';
       readonly reasons = [ExitReason.Cpuid];
       @state() private sum = 0;
       handleExit(): boolean {
         this.sum += Math.random() + Date.now();
         return false;
       }
       report() {
         return { sum: this.sum };
       }
     }
     export default vcpuModule(({ bind }) => {
       bind(Drawing).toSelf();
       bind(ExitContribution).toService(Drawing);
       bind(ReportContribution).toService(Drawing);
     });`,
  );

describe('replayStartOf', () => {
  afterEach(() => useHandlerGlobals());

  it('goes on from the snapshot with which the recorded run began, with its VMM, time and random numbers', async () => {
    const modules = [cpuidCount];
    const kernel = await snapshot('with a vmm', { modules }, 4321);
    const recorded = await recordedRun(path('from vmm'), from(kernel, modules));
    const { outcome, detail, machine, extensions } = await replay(path('from vmm'));
    expect(outcome, detail).to.equal('replayed');
    expect([machine, extensions]).to.deep.equal([recorded.machine, recorded.extensions]);
    expect(readRecording(path('from vmm')).header.files.map((each) => each.path)).to.deep.equal([kernel]);
  });

  it('draws the random numbers of the recorded run, with recorded code too, whatever became of the files', async () => {
    const modules = [drawing()];
    const kernel = await snapshot('drawn', { modules }, 4321);
    const record = { file: path('with code'), withCode: true };
    const recorded = await recordedRun(record.file, { ...from(kernel, modules), record });
    rmSync(modules[0]!);
    mkdirSync(path('colleague'));
    for (const file of ['drawn', 'with code']) renameSync(path(file), path(`colleague/${file}`));
    const { outcome, detail, extensions } = await replay(path('colleague/with code'));
    expect([outcome, extensions], detail).to.deep.equal(['replayed', recorded.extensions]);
    const places = [5000, 4322, 5000].map(instruction);
    const { points = [], checkpoints } = await replay(path('colleague/with code'), ...places);
    expect([points.map((point) => point.instructions), checkpoints?.failure]).to.deep.equal([
      [5000, 4322, 5000],
      undefined,
    ]);
    expect(points[2]!.stateHash).to.equal(points[0]!.stateHash);
  });

  it('starts a VMM late over a snapshot without one, and types what was typed', async () => {
    const kernel = await snapshot('echo', echo, ECHO_WAITS);
    const recorded = await recordedRun(path('late'), from(kernel, [cpuidCount]), 'abc\x04');
    const { outcome, detail, machine, lateStart } = await replay(path('late'));
    expect(outcome, detail).to.equal('replayed');
    expect([machine.stateHash, lateStart]).to.deep.equal([recorded.machine.stateHash, recorded.lateStart]);
  });

  it('names the interval of a difference, which begins at the snapshot', async () => {
    const kernel = await snapshot('differs', echo, ECHO_WAITS);
    await recordedRun(path('other'), from(kernel), 'abc\x04');
    rewrite(path('other'), (text) => text.replace('"bytes":"abc', '"bytes":"ab'));
    const { outcome, detail } = await replay(path('other'));
    expect(outcome).to.equal('diverged');
    expect(detail).to.match(/^this run is not the recorded one: they differ between instruction 2 000 and [\d ]+\n/);
  });

  it('replays a machine in the background, back and forth', async () => {
    const kernel = await snapshot('hosted', echo, ECHO_WAITS);
    const record = { file: path('background'), withCode: false };
    const request = { ...cpuidRun, ...from(kernel, [cpuidCount]), start: 'off', pace: 'real', record } as const;
    const machine = new MachineThread(request);
    try {
      await machine.started();
      await machine.request('start', {});
      await machine.type(Buffer.from('typed'));
      await machine.request('stop', {});
      await machine.request('remove', {});
    } finally {
      await machine.close();
    }
    const whole = await replay(record.file);
    expect(whole.outcome, whole.detail).to.equal('replayed');
    const end = whole.machine.instructions;
    const { points = [], checkpoints } = await replay(record.file, ...[end, ECHO_WAITS + 1, end].map(instruction));
    expect(checkpoints?.failure).to.equal(undefined);
    expect(points.map((point) => point.instructions)).to.deep.equal([end, ECHO_WAITS + 1, end]);
    expect(points[2]!.stateHash).to.equal(points[0]!.stateHash);
  });

  it('refuses another snapshot in its place, and one that is gone', async () => {
    const kernel = await snapshot('replaced', echo, ECHO_WAITS);
    await recordedRun(path('refused'), from(kernel), '\x04');
    await snapshot('replaced', echo, ECHO_WAITS + 1);
    const error = await failure(replay(path('refused')));
    expect(error).to.be.instanceOf(RecordingError);
    expect(error.message).to.match(
      /refused cannot be replayed:\n {2}the snapshot .*replaced, with which the run began, is another one now: its SHA-256 is [0-9a-f]{64}, and the recording was made from [0-9a-f]{64}$/,
    );
    rmSync(kernel);
    expect((await failure(replay(path('refused')))).message).to.match(
      /the snapshot .*replaced, with which the run began, does not exist, and the recording's folder has no file/,
    );
  });

  it('refuses a point before the snapshot', async () => {
    const kernel = await snapshot('later', { modules: [cpuidCount] }, 4321);
    await recordedRun(path('early'), from(kernel, [cpuidCount]));
    const error = await failure(replay(path('early'), instruction(5000), instruction(4321)));
    expect(error).to.be.instanceOf(RecordingError);
    expect(error.message).to.match(
      /early begins with a snapshot at instruction 4 321, after \d+ VM exits, so instruction 4 321 is not in it; name a later point$/,
    );
    expect((await failure(replay(path('early'), { kind: 'exit', count: 1 }))).message).to.include('VM exit 1 is not');
  });

  it('compares with other modules if these are loaded after the snapshot', async () => {
    const compare = (recording: string): Promise<RunReport> =>
      new CompareRun({ recording, until: [], checkpoints: 0 }, [drawing()], new RunControl(), () => {}).run();
    const bare = await snapshot('bare', { modules: [], start: 'off' }, 4321);
    await recordedRun(path('comparable'), from(bare, [cpuidCount]));
    const { outcome, detail } = await compare(path('comparable'));
    expect(outcome, detail).to.equal('replayed');
    const kernel = await snapshot('not bare', { modules: [cpuidCount] }, 4321);
    await recordedRun(path('not comparable'), from(kernel, [cpuidCount]));
    expect((await failure(compare(path('not comparable')))).message).to.match(
      /not comparable cannot be compared: other modules cannot take over the state of its VMM; record a run from power-on/,
    );
  });

  it('is bfm run --restore --record and bfm replay', async function () {
    if (!isFull) this.skip();
    const kernel = await snapshot('command', { modules: [cpuidCount] }, 4321);
    const run = await bfm('run', '--restore', kernel, '-m', 'cpuidcount', '--record', path('by command'));
    expect(run.status, run.stderr).to.equal(0);
    const replayed = await bfm('replay', path('by command'), '--until', '5000');
    expect(replayed.status, replayed.stderr).to.equal(0);
    expect(replayed.stderr).to.match(/^bfm: instruction 5 000 reached/m);
  });

  it('takes the machine from the snapshot', async () => {
    const kernel = await snapshot('machine', { modules: [], start: 'off', processors: 2 }, 4321);
    const request: RunRequest = { ...cpuidRun, ...from(kernel), memoryBytes: 32 << 20, processors: 1 };
    const start = await replayStartOf(request, []);
    expect(start.request).to.include({ processors: 2, memoryBytes: 16 << 20 });
    expect(start.isRunning).to.equal(false);
    expect((await replayStartOf(cpuidRun, [])).request).to.equal(cpuidRun);
  });
});
