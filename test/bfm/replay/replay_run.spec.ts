// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MachineThread } from '../../../src/bfm/host/machine_thread.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { RunControl, StopRequest } from '../../../src/bfm/worker/run_control.js';
import type { ReplayPoint } from '../../../src/session/replay/replay_point.js';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { VmcallDataType } from '../../../src/vmm/exit/vmcall_interface.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';
import { cpuidCount, cpuidRun, linesOf, plainRun, recordedRun, rewrite, sealed } from '../recording/own_run.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const GIGABYTE = 2 ** 30;
const replay = (recording: string, ...until: readonly ReplayPoint[]): Promise<RunReport> =>
  new ReplayRun({ recording, until, checkpoints: GIGABYTE }, new RunControl(), () => {}).run();

/** An echo guest that is typed at, and switched off by Ctrl-D. */
const echo = { kernel: join(root, 'build/guests/echo.bin'), append: '', modules: [], start: 'off' } as const;

describe('ReplayRun', () => {
  it('comes to the same end, with all that extensions report', async () => {
    const recorded = await recordedRun(path('whole'));
    const { outcome, machine, extensions } = await replay(path('whole'));
    expect(outcome).to.equal('replayed');
    expect(machine.stateHash).to.equal(recorded.machine.stateHash);
    expect(machine.exits).to.deep.equal(recorded.machine.exits);
    expect(extensions).to.deep.equal(recorded.extensions);
  });

  it('has the cost of VM exits of the recorded run', async () => {
    const plain = await recordedRun(path('free'));
    const recorded = await recordedRun(path('costly'), { exitCost: 700 });
    const { outcome, machine } = await replay(path('costly'));
    expect([outcome, machine.stateHash]).to.deep.equal(['replayed', recorded.machine.stateHash]);
    const exits = Object.values(machine.exits).reduce((sum, count) => sum + count, 0);
    expect(machine.virtualTime - plain.machine.virtualTime).to.equal(700 * exits);
  });

  it('shows the compiled region of an address, as the run did', async () => {
    const request = plainRun('bench_alu', { dumpCompiled: '0x200009' });
    const { compiledRegion } = await recordedRun(path('compiled'), request);
    const replayed = await new ReplayRun(
      { recording: path('compiled'), until: [], checkpoints: 0, dumpCompiled: '0x200009' },
      new RunControl(),
      () => {},
    ).run();
    expect(replayed.outcome).to.equal('replayed');
    expect(replayed.compiledRegion).to.match(/holds 0x200009:\n[^]*0x200009 {2}add rax,rcx/);
    expect(replayed.compiledRegion).to.equal(compiledRegion);
  });

  it('types what was typed, when it was', async () => {
    const recorded = await recordedRun(path('typed'), echo, 'abc\x04');
    const { outcome, detail, machine } = await replay(path('typed'));
    expect([outcome, machine.stateHash]).to.deep.equal(['replayed', recorded.machine.stateHash]);
    expect(detail).to.match(
      /^replayed to the end \(powered-off\): [\d ]+ instructions, 1 state compared, no difference$/,
    );
  });

  it('starts the VMM late where it was started', async () => {
    const recorded = await recordedRun(path('late'), { ...echo, modules: [cpuidCount], start: 'late' }, 'abc\x04');
    const { outcome, machine, lateStart } = await replay(path('late'));
    expect([outcome, machine.stateHash]).to.deep.equal(['replayed', recorded.machine.stateHash]);
    expect(lateStart).to.equal(recorded.lateStart);
  });

  it('gives modules the same time and random numbers, which are those of the machine', async () => {
    const module = folder.write(
      'clock.ts',
      `import { ReportContribution, vcpuModule } from 'bareflank';
       class Clock implements ReportContribution {
         readonly name = 'clock';
         report() {
           return { date: new Date().toISOString(), now: globalThis.performance.now(), random: Math.random(), id: crypto.randomUUID() };
         }
       }
       export default vcpuModule(({ bind }) => void bind(ReportContribution).to(Clock));`,
    );
    const { machine, extensions } = await recordedRun(path('clock'), { modules: [module] });
    const { date, now } = extensions!.clock!;
    expect(now).to.equal(machine.virtualTime / 1e6);
    expect(date).to.match(/^2020-01-01T00:00:00\.\d{3}Z$/);
    const replayed = await replay(path('clock'));
    expect([replayed.outcome, replayed.extensions]).to.deep.equal(['replayed', extensions]);
    const { record: _, ...real } = { ...cpuidRun, modules: [module], realClock: true, record: undefined };
    const host = await new MachineRun(real, new RunControl(), () => {}).run();
    expect(host.extensions!.clock!.date).to.not.match(/^2020/);
  });

  it('ends where the text was that ended the run', async () => {
    const recorded = await recordedRun(path('until'), { until: 'checksum' });
    const { outcome, machine } = await replay(path('until'));
    expect([outcome, machine.stateHash]).to.deep.equal(['replayed', recorded.machine.stateHash]);
  });

  it('ends at the last line of a run that was killed, and says that the recording is incomplete', async () => {
    await recordedRun(path('killed'), echo, 'abc\x04');
    const whole = readFileSync(path('killed'), 'utf8');
    const end = whole.indexOf('\n', whole.indexOf('\n') + 1) + 1;
    writeFileSync(path('killed'), whole.slice(0, end + 12));
    const { outcome, detail } = await replay(path('killed'));
    expect(outcome).to.equal('incomplete');
    expect(detail).to.match(
      /^the recording is incomplete: .*\. Replayed up to its last line: [\d ]+ instructions, no state compared, no difference$/,
    );
  });

  it('shows the death of a run, and the last branches before it', async () => {
    const code = Uint8Array.of(0xeb, 0x01, 0x90, 0x90, 0xe8, 0, 0, 0, 0, 0xfa, 0xf4); // JMP +1; NOP; NOP; CALL +0; CLI; HLT
    const kernel = path('halts.bin');
    writeFileSync(kernel, code);
    const recorded = await recordedRun(path('halts'), { kernel, modules: [], start: 'off', append: '' });
    expect(recorded.outcome).to.equal('dead');
    const { outcome, detail, machine } = await replay(path('halts'));
    expect([outcome, machine.stateHash]).to.deep.equal(['replayed', recorded.machine.stateHash]);
    expect(detail)
      .to.match(/^replayed to the end \(dead\): .*\nhalted with interrupts off/)
      .and.to.include('\nlikely cause: ');
    const address = (offset: number): string => `0x${(0x200000 + offset).toString(16)}`;
    expect(machine.branches).to.deep.equal([
      { from: address(0), to: address(3), how: 'jmp' },
      { from: address(4), to: address(9), how: 'call' },
    ]);
    expect(detail.split('\n').slice(-4)).to.deep.equal([
      'last 2 taken branches of processor 0, newest last:',
      '  from      to        by',
      '  0x200000  0x200003  jmp',
      '  0x200004  0x200009  call',
    ]);
  });

  it('says that the recording is incomplete if the machine ends where its lines do', async () => {
    await recordedRun(path('no end'), echo, 'abc\x04');
    writeFileSync(path('no end'), sealed(linesOf(path('no end')).slice(0, -1)));
    expect((await replay(path('no end'))).outcome).to.equal('incomplete');
  });

  it('reaches a point of a recording without an end', async () => {
    await recordedRun(path('reached'), { append: '100' });
    const lines = linesOf(path('reached')).slice(0, -1);
    const state = { kind: 'state', at: { turn: 1000, instructions: 1, virtualTime: 1 }, brief: '0'.repeat(16) };
    writeFileSync(path('reached'), sealed([...lines, JSON.stringify(state)]));
    expect((await replay(path('reached'), { kind: 'exit', count: 5 })).outcome).to.equal('reached');
  });

  it('stops at an instruction, exactly, and shows the processors', async () => {
    await recordedRun(path('point'));
    const { outcome, detail, machine } = await replay(path('point'), { kind: 'instruction', count: 1234 });
    expect([outcome, machine.instructions]).to.deep.equal(['reached', 1234]);
    expect(detail).to.match(/^processor 0, .* after 1234 instructions\n/);
    expect(machine.processors).to.have.length(1);
  });

  it('stops after a VM exit', async () => {
    await recordedRun(path('exit'));
    const { outcome, machine } = await replay(path('exit'), { kind: 'exit', count: 7 });
    expect(outcome).to.equal('reached');
    expect(Object.values(machine.exits).reduce((sum, count) => sum + count, 0)).to.equal(7);
  });

  it('stops at a text', async () => {
    const whole = await recordedRun(path('text'));
    const { outcome, machine } = await replay(path('text'), { kind: 'text', text: 'checksum' });
    expect(outcome).to.equal('reached');
    expect(machine.instructions).to.be.lessThan(whole.machine.instructions);
  });

  describe('with several points', () => {
    const instruction = (count: number): ReplayPoint => ({ kind: 'instruction', count });
    /** Each point as a replay shows it that goes only there. */
    const alone = async (recording: string, points: readonly ReplayPoint[]) => {
      const reports = [];
      for (const point of points) reports.push((await replay(recording, point)).points![0]!);
      return reports.map(({ milliseconds: _, ...rest }) => rest);
    };
    const together = async (recording: string, points: readonly ReplayPoint[]) => {
      const { outcome, points: reports = [], checkpoints } = await replay(recording, ...points);
      expect([outcome, checkpoints?.failure]).to.deep.equal(['reached', undefined]);
      return reports.map(({ milliseconds: _, ...rest }) => rest);
    };

    it('goes from one to the next, forward and back, and each is what it is alone', async () => {
      await recordedRun(path('points'));
      const points = [
        instruction(2000),
        { kind: 'exit', count: 7 },
        { kind: 'text', text: 'checksum' },
        instruction(1),
        { kind: 'exit', count: 60 },
        { kind: 'text', text: 'hello' },
      ] as const;
      expect(await together(path('points'), points)).to.deep.equal(await alone(path('points'), points));
    });

    it('goes back before a late start and starts the VMM again, with the same time and random numbers', async () => {
      const module = folder.write(
        'random.ts',
        `import { ReportContribution, state, vcpuModule } from 'bareflank';
         import { injectable } from 'inversify';
         @injectable()
         class Random implements ReportContribution {
           readonly name = 'random';
           @state() private readonly number = Math.random();
           report() {
             return { number: this.number, date: new Date().toISOString() };
           }
         }
         export default vcpuModule(({ bind }) => void bind(ReportContribution).to(Random));`,
      );
      const run = { ...echo, modules: [cpuidCount, module], start: 'late' } as const;
      const { machine, extensions } = await recordedRun(path('late points'), run, 'abc\x04');
      const points = [machine.instructions, 5, machine.instructions - 10].map(instruction);
      expect(await together(path('late points'), points)).to.deep.equal(await alone(path('late points'), points));
      const back = await replay(path('late points'), points[0]!, points[1]!, points[0]!);
      expect(back.extensions).to.deep.equal(extensions);
      expect(back.points![2]!.stateHash).to.equal(back.points![0]!.stateHash);
    });

    it('goes back in a run that a text ended', async () => {
      await recordedRun(path('ended points'), { until: 'checksum' });
      const { machine } = await replay(path('ended points'));
      const end = machine.instructions;
      const points = [end, end - 1, 100, end, end - 1].map(instruction);
      expect(await together(path('ended points'), points)).to.deep.equal(await alone(path('ended points'), points));
    });

    it('shows what it came to before a point that is not there', async () => {
      await recordedRun(path('half'));
      const { outcome, points } = await replay(path('half'), instruction(500), instruction(1e9), instruction(5));
      expect([outcome, points!.map(({ point }) => point)]).to.deep.equal(['error', ['instruction 500']]);
    });
  });

  it('says that a point is not in the recording', async () => {
    await recordedRun(path('short'));
    for (const until of [
      { kind: 'instruction', count: 1e9 },
      { kind: 'exit', count: 1e6 },
      { kind: 'text', text: 'never' },
    ] as const) {
      const { outcome, detail } = await replay(path('short'), until);
      expect(outcome).to.equal('error');
      expect(detail).to.match(/^the recording ended before (instruction|VM exit|"never")/);
    }
  });

  it('names the interval of a difference, and what to try', async () => {
    await recordedRun(path('other'), echo, 'abc\x04');
    rewrite(path('other'), (text) => text.replace('"bytes":"abc', '"bytes":"ab'));
    const { outcome, detail } = await replay(path('other'));
    expect(outcome).to.equal('diverged');
    expect(detail.split('\n')).to.have.length(3);
    expect(detail).to.match(
      /^this run is not the recorded one: they differ between instruction 0 and [\d ]+\n.*\nwhat to try: /,
    );
  });

  it('says at a difference that another build of the core made the recording', async () => {
    await recordedRun(path('core'), echo, 'abc\x04');
    rewrite(path('core'), (text) =>
      text.replace('"bytes":"abc', '"bytes":"ab').replace(/"core":"[0-9a-f]{64}"/, `"core":"${'0'.repeat(64)}"`),
    );
    expect((await replay(path('core'))).detail).to.include('another build of the processor core');
  });

  it('replays a machine of the background, with all calls of its driver, also one that fails', async () => {
    const file = path('hosted');
    const request = { ...cpuidRun, ...echo, pace: 'real', record: { file, withCode: false } } as const;
    const machine = new MachineThread(request);
    try {
      await machine.started();
      const data = Buffer.from('{"get":"count"}').toString('base64');
      const json = VmcallDataType.VMCALL_DATA_STRING_JSON;
      await machine.request('load', { files: [cpuidCount] });
      await machine.request('start', {});
      await machine.type(Buffer.from('typed'));
      await machine.request('vmcallData', { cpuid: 0, type: json, data });
      const broken = folder.write('broken.ts', 'export default {');
      expect(await machine.request('load', { files: [broken] }).catch(() => 'failed')).to.equal('failed');
      await machine.request('load', { files: [cpuidCount] });
      await machine.request('start', {});
      await machine.request('stop', {});
      await machine.request('remove', {});
    } finally {
      await machine.close();
    }
    const methods = readRecording(file).entries.flatMap((each) =>
      each.kind === 'event' && each.event.kind === 'call' ? [each.event.method] : [],
    );
    expect(methods).to.deep.equal(['load', 'start', 'vmcallData', 'unload', 'load', 'start', 'stop']);
    const { outcome, detail } = await replay(file);
    expect(outcome, detail).to.equal('replayed');
    expect(detail).to.match(/^replayed to the end \(the machine was ended by driver_unload\)/);
  });

  it('can be stopped', async () => {
    await recordedRun(path('stopped'), echo, 'abc\x04');
    const control = new RunControl();
    control.requestStop(StopRequest.Interrupted);
    const { outcome, detail } = await new ReplayRun(
      { recording: path('stopped'), until: [], checkpoints: 0 },
      control,
      () => {},
    ).run();
    expect(outcome).to.equal('interrupted');
    expect(detail).to.match(/^processor 0, /);
  });
});
