// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExitStatus } from '../../../src/bfm/failures/exit_status.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { exitStatusOf } from '../../../src/bfm/run/run_report.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { RunInstruments } from '../../../src/bfm/instruments/run_instruments.js';
import type { CpuProfile } from '../../../src/session/profile/cpu_profile.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { cpuidRun, recordedRun } from '../recording/own_run.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const read = (name: string): CpuProfile => JSON.parse(readFileSync(path(name), 'utf8')) as CpuProfile;

/** The names of a profile, and the virtual time of the guest's nodes. */
function guestPart({ nodes, samples, timeDeltas }: CpuProfile): unknown {
  const handlers = nodes.findIndex(({ callFrame }) => callFrame.functionName.includes('(host time)'));
  const spent = samples.map((id, index) => [id, timeDeltas[index + 1]]).filter(([id]) => id! <= handlers && id !== 1);
  return { names: nodes.map(({ callFrame }) => callFrame.functionName), spent };
}

describe('RunInstruments', () => {
  it('is nothing unless a request asks for it', () => {
    expect(RunInstruments.begin({}).recorders).to.deep.equal({});
  });

  it('opens its files before the run', () => {
    const file = join(folder.path, 'none', 'file');
    expect(() => RunInstruments.begin({ trace: { file, limit: 5 } })).to.throw(FileError, /^--trace /);
    expect(() => RunInstruments.begin({ profile: { file, interval: 5 } })).to.throw(FileError, /^--profile /);
  });

  it('loses no report of a run if a file cannot be written at its end', async () => {
    const full = '/dev/full';
    const request = { ...cpuidRun, trace: { file: full, limit: 100 }, profile: { file: path('kept'), interval: 1000 } };
    const report = await new MachineRun(request, new RunControl(), () => {}).run();
    expect(report.trace).to.match(/^--trace \/dev\/full cannot be written: ENOSPC/);
    expect(report.profile).to.match(/^profile: \d+ samples/);
    expect([report.outcome, report.unwritten]).to.deep.equal(['powered-off', true]);
    expect(exitStatusOf(report, undefined)).to.equal(ExitStatus.Error);
    expect(exitStatusOf({ ...report, outcome: 'timeout' }, undefined)).to.equal(ExitStatus.Timeout);
  });

  it('writes a profile of a run, with its VM exits, and the same of its replay', async () => {
    const profile = { file: path('run'), interval: 1000 };
    const plain = await recordedRun(path('recording'));
    const run = await new MachineRun({ ...cpuidRun, profile }, new RunControl(), () => {}).run();
    expect(run.machine.stateHash).to.equal(plain.machine.stateHash);
    expect(run.profile).to.match(/^profile: \d+ samples, one each 1 µs of a processor's virtual time\n/);
    expect(run.profile).to.match(/\n +100 +\d+\.\d ms {2}processor 0 {2}cpuid: ExitHandlerCpuidCount\n/);
    const nodes = read('run').nodes.map(({ callFrame: { functionName } }) => functionName);
    expect(nodes).to.include.members(['processor 0', 'cpuid: ExitHandlerCpuidCount, exits: 100']);
    const request = { recording: path('recording'), until: [], checkpoints: 1 << 20 };
    const replay = { ...request, profile: { file: path('replay'), interval: 1000 } };
    const replayed = await new ReplayRun(replay, new RunControl(), () => {}).run();
    // The time of handlers is the host's.
    const withoutHostTime = (table: string | undefined): string => table!.replace(/ +\d+\.\d ms/g, '');
    expect([replayed.outcome, withoutHostTime(replayed.profile)]).to.deep.equal([
      'replayed',
      withoutHostTime(run.profile),
    ]);
    expect(guestPart(read('replay'))).to.deep.equal(guestPart(read('run')));
  });

  it('writes a trace and a profile of one run', async () => {
    const trace = { file: path('trace'), limit: 1000 };
    const profile = { file: path('profile'), interval: 1000 };
    const report = await new MachineRun({ ...cpuidRun, trace, profile }, new RunControl(), () => {}).run();
    expect(report.trace).to.include('trace');
    expect(report.profile).to.include('cpuid: ExitHandlerCpuidCount');
  });
});
