// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport, RunRequest, TraceRequest } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';
import { cpuidRun, recordedRun } from '../recording/own_run.js';
import { checkTrace, type FileEvent } from '../../session/trace/trace_format.js';

interface Trace {
  readonly traceEvents: readonly FileEvent[];
  readonly otherData: { readonly dropped: Record<string, number> };
}

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const read = (name: string): Trace => JSON.parse(readFileSync(path(name), 'utf8')) as Trace;
const LIMIT = 10_000;

function traced(
  name: string,
  request: Partial<RunRequest> = {},
  trace: Partial<TraceRequest> = {},
): Promise<RunReport> {
  const whole: RunRequest = { ...cpuidRun, ...request, trace: { file: path(name), limit: LIMIT, ...trace } };
  return new MachineRun(whole, new RunControl(), () => {}).run();
}

/** VM exits that a trace has, by name. */
function exitsOf({ traceEvents }: Trace): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { cat, name } of traceEvents) if (cat === 'exit') counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The events, without what the host's clock says. */
function withoutRealTime({ traceEvents }: Trace): unknown[] {
  return traceEvents
    .filter(({ name }) => name !== 'real time, ms')
    .map(({ args: { [REAL_TIME]: _, ...args }, ...event }) => ({ ...event, args }));
}
const REAL_TIME = 'real time at the end of the turn, ms';

describe('A trace', () => {
  it('has each VM exit with its handler, and the time of the guest between them', async () => {
    const report = await traced('whole');
    const trace = read('whole');
    checkTrace(trace.traceEvents);
    expect(exitsOf(trace)).to.deep.equal(report.machine.exits);
    const cpuid = trace.traceEvents.find(({ name }) => name === 'cpuid')!;
    expect(cpuid.args).to.include({ handler: 'ExitHandlerCpuidCount', action: 'advanced' });
    expect(cpuid.args.rip).to.match(/^0x/);
    const guest = trace.traceEvents.filter(({ cat }) => cat === 'guest' || cat === 'idle');
    const microseconds = guest.reduce((sum, { dur }) => sum + dur!, 0);
    expect(Math.round(microseconds * 1000)).to.equal(report.machine.virtualTime);
    expect(report.trace).to.match(/^[\d ]+ events in .*whole$/);
    expect(trace.otherData.dropped).to.deep.equal({ rows: 0, exits: 0, lines: 0 });
  });

  it('has the lines of the console when they were printed, interrupts, idle time and counters', async () => {
    const kernel = join(root, 'build/guests/echo.bin');
    const control = new RunControl();
    control.type(Buffer.from('abc\r\x04'));
    const trace = { file: path('echo'), limit: LIMIT };
    await new MachineRun(
      { ...cpuidRun, kernel, append: '', modules: [], start: 'off', trace },
      control,
      () => {},
    ).run();
    const { traceEvents } = read('echo');
    checkTrace(traceEvents);
    const kinds = new Set(traceEvents.map(({ cat, ph }) => cat ?? ph));
    expect([...kinds]).to.include.members(['M', 'C', 'guest', 'idle', 'interrupt', 'console']);
    expect(
      traceEvents
        .filter(({ cat }) => cat === 'console')
        .map(({ name }) => name)
        .join('\n'),
    ).to.include('abc');
  });

  it('has a track for each processor', async () => {
    await traced('several', { processors: 2 });
    const { traceEvents } = read('several');
    checkTrace(traceEvents);
    const names = traceEvents.filter(({ name }) => name === 'thread_name').map(({ args }) => args.name);
    expect(names).to.deep.equal(['processor 0', 'processor 1', 'console']);
  });

  it('keeps the newest events up to its limit, and says how many it dropped', async () => {
    const report = await traced('short', {}, { limit: 20 });
    const trace = read('short');
    checkTrace(trace.traceEvents);
    const { cpuid } = report.machine.exits;
    expect(exitsOf(trace).cpuid).to.be.at.most(20);
    expect(trace.otherData.dropped.exits).to.be.greaterThan(cpuid! - 21);
    expect(report.trace).to.match(/; the oldest were dropped \(--trace-limit\): [\d ]+ VM exits/);
  });

  it('has only what a filter names', async () => {
    await traced('filtered', {}, { filter: { kinds: ['exits'], reasons: ['vmcall'] } });
    const trace = read('filtered');
    checkTrace(trace.traceEvents);
    expect(Object.keys(exitsOf(trace))).to.deep.equal(['vmcall']);
    expect(trace.traceEvents.every(({ cat, ph }) => ph === 'M' || cat === 'exit')).to.equal(true);
  });

  it('changes nothing of the run', async () => {
    const plain = await new MachineRun(cpuidRun, new RunControl(), () => {}).run();
    const { machine } = await traced('same');
    expect([machine.stateHash, machine.virtualTime]).to.deep.equal([
      plain.machine.stateHash,
      plain.machine.virtualTime,
    ]);
  });

  for (const processors of [1, 2])
    it(`of a replay has the events of the recorded run, except real time (processors: ${processors})`, async () => {
      const [recording, own, replayed] = ['recording', 'own', 'replayed'].map((name) => `${name}_${processors}`);
      const recorded = await recordedRun(path(recording!), { processors, trace: { file: path(own!), limit: LIMIT } });
      const trace = { file: path(replayed!), limit: LIMIT };
      const request = { recording: path(recording!), until: [], checkpoints: 1 << 20, trace };
      const report = await new ReplayRun(request, new RunControl(), () => {}).run();
      expect(report.outcome).to.equal('replayed');
      checkTrace(read(replayed!).traceEvents);
      expect(exitsOf(read(replayed!))).to.deep.equal(recorded.machine.exits);
      expect(withoutRealTime(read(replayed!))).to.deep.equal(withoutRealTime(read(own!)));
      expect(report.trace).to.include('replayed');
    });
});
