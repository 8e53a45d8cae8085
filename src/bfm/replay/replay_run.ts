// SPDX-License-Identifier: LGPL-2.1-only
import { moduleFiles } from '../../driver/node/module_files.js';
import { PromiseWatch } from '../../driver/node/promise_watch.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { SliceEnd } from '../../session/session_ports.js';
import { ReplaySession, type ReplayParts } from '../../session/replay/replay_session.js';
import type { ReplayPoint } from '../../session/replay/replay_point.js';
import { hashOfCore } from '../recording/recorded_files.js';
import { RecordingError } from '../recording/recording_error.js';
import { readRecording, type Recording } from '../recording/read_recording.js';
import type { CompiledDump } from '../compiled/compiled_dump.js';
import { watchCompiled } from '../compiled/watch_compiled.js';
import { traceBranches, WATCHED_INSTRUCTIONS, type TakenBranch } from '../death/branch_trace.js';
import { ENDED_BY_GDB } from '../gdb/debugged_machine.js';
import { TypedEvaluation } from '../evaluate/typed_evaluation.js';
import { runUnderGdb } from '../gdb/run_under_gdb.js';
import type { DebuggedRun } from '../../session/debug/debugged_run.js';
import type { MachineSession } from '../../session/machine_session.js';
import { reportOfRun, stopScreen, type Ending } from '../run/report_of_run.js';
import { StopRequest, type RunControl } from '../worker/run_control.js';
import type { PointReport, RunReport, WorkerMessage } from '../worker/run_request.js';
import { sessionPorts } from '../worker/session_in_worker.js';
import { RunInstruments } from '../instruments/run_instruments.js';
import { readSymbols } from '../worker/symbols_file.js';
import { timedRun } from '../worker/timed_run.js';
import { checkedRecording, withRecordedHashes, type CheckedRecording } from './recorded_code.js';
import { pointText } from './replay_point.js';
import { makeReplayMachine, type ReplayMachineOptions } from './replay_machine.js';
import type { ReplayRequest } from './replay_request.js';

/** Ends that the recording names by a word of its own. */
const OUTCOMES: Readonly<Record<string, string>> = {
  removed: 'the machine was ended by driver_unload',
  found: 'bfm explore found what it looked for',
};

/** A recorded run again, in the worker: nothing comes in but what the recording has. */
export class ReplayRun {
  private recording!: Recording;
  private checked!: CheckedRecording;
  protected parts!: ReplayParts;
  protected replay!: ReplaySession;
  private readonly points: PointReport[] = [];
  protected writer: RunReport['lastWrite'];
  /** Of a run that died: the last taken branches of each processor. */
  private branches: readonly (readonly TakenBranch[])[] | undefined;
  private instruments!: RunInstruments;
  private dump: CompiledDump | undefined;
  /** What the machine is made from, without those who watch it. */
  protected options: ReplayMachineOptions | undefined;

  constructor(
    protected readonly request: ReplayRequest,
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {}

  /** @throws BareflankError if the recording cannot be replayed here. */
  async run(): Promise<RunReport> {
    this.post({ kind: 'calling', what: 'the check of the recording' });
    this.recording = readRecording(this.request.recording);
    this.checked = await checkedRecording(this.recording);
    this.instruments = RunInstruments.begin(this.request);
    using promises = new PromiseWatch();
    await this.build(promises);
    const begun = this.parts.session.pc.instructions;
    try {
      const channel = { control: this.control, post: this.post };
      const { ending, milliseconds } = await timedRun(channel, () => this.ending());
      const { points } = this;
      const { session, lateStart, vmm } = this.parts;
      const { driver } = vmm;
      const hasVmm = this.recording.header.request.start !== 'off' || driver.hasVmm;
      const checkpoints = this.replay.checkpointFacts;
      const measured = this.instruments.write(session.pc, driver, this.post);
      const compiledRegion = await this.dump?.text();
      return {
        ...reportOfRun(ending, { session, driver, lateStart, milliseconds, begun, hasVmm }),
        ...(points.length > 0 && { points }),
        ...(this.writer && { lastWrite: this.writer }),
        ...(checkpoints !== undefined && { checkpoints }),
        ...measured,
        ...(compiledRegion !== undefined && { compiledRegion }),
      };
    } finally {
      this.parts.session.flush();
      this.instruments.close();
    }
  }

  private async build(promises: PromiseWatch): Promise<void> {
    const { control, post } = this;
    const { request, modules, items, hashes } = this.checked;
    const ports = sessionPorts(control, post, () => control.stopRequest !== StopRequest.None);
    const source = withRecordedHashes(moduleFiles, hashes);
    const { recorders } = this.instruments;
    const { tier } = this.request;
    const wanted = { ...request, ...(tier !== undefined && { tier }) };
    this.options = { request: wanted, modules, items, source, control, ports, post };
    this.parts = await makeReplayMachine({ ...this.options, promises, recorders });
    const { until, checkpoints, symbols, gdb, who, dumpCompiled } = this.request;
    const goesBack = until.length > 1 || gdb === true || who !== undefined;
    if (symbols !== undefined) this.parts.session.pc.symbols.add(symbols.map(readSymbols));
    this.refuseEarlier(until);
    if (dumpCompiled !== undefined) this.dump = await watchCompiled(this.parts.session, dumpCompiled);
    // One point is reached on the way forward.
    this.replay = new ReplaySession(this.parts, goesBack ? checkpoints : undefined);
  }

  /** A recording that begins with a snapshot has nothing of the run before. @throws RecordingError */
  private refuseEarlier(points: readonly ReplayPoint[]): void {
    if (this.checked.request.isRestored !== true) return;
    const { instructions, exitCount } = this.parts.session.pc;
    const first: Partial<Record<ReplayPoint['kind'], number>> = { instruction: instructions, exit: exitCount };
    const early = points.find((point) => point.kind !== 'text' && point.count <= first[point.kind]!);
    if (early === undefined) return;
    const { file } = this.recording;
    const begins = `a snapshot at instruction ${groupedDigits(instructions)}, after ${groupedDigits(exitCount)} VM exits`;
    throw new RecordingError(
      `--until: ${file} begins with ${begins}, so ${pointText(early)} is not in it; name a later point`,
      {
        details: { where: '--until', found: pointText(early), expected: `a point after ${begins}` },
      },
    );
  }

  /** Stops where a debugger wants, until it lets the run go. */
  private async underGdb(): Promise<Ending> {
    const { replay, parts, post } = this;
    const { session, vmm } = parts;
    const evaluation = new TypedEvaluation({ session, driver: vmm.driver, isRecorded: true });
    const { end } = await runUnderGdb(
      {
        run: debuggedReplay(session, replay),
        handlers: () => vmm.driver.handlerNames,
        canChange: false,
        evaluate: (text) => evaluation.evaluate(text),
        ending: () => session.guestEnd?.detail ?? parts.inputs.divergence?.what ?? 'the recording ends here',
        waits: true,
      },
      post,
    );
    return end === undefined ? { outcome: 'interrupted', detail: ENDED_BY_GDB } : this.endingBefore(end, undefined);
  }

  /** Stops at the points of `--until`, or at the end. */
  protected async ending(): Promise<Ending> {
    if (this.request.gdb === true) return this.underGdb();
    for (const point of this.request.until) {
      const started = performance.now();
      const end = await this.replay.goTo(point);
      if (end !== SliceEnd.PointReached) return this.endingBefore(end, point);
      await this.reached(point, performance.now() - started);
    }
    const last = this.points.at(-1);
    if (last === undefined) return this.endingBefore(await this.toEnd(), undefined);
    const { detail, places } = last;
    return { outcome: 'reached', detail, ...(places && { places }) };
  }

  /** Of a run that died, the last instructions are executed one by one, to see how the processor came there. */
  private async toEnd(): Promise<SliceEnd> {
    const { replay, parts, checked } = this;
    const { session } = parts;
    const { pc } = session;
    const last = checked.items.at(-1);
    if (last?.kind !== 'end' || last.outcome !== 'dead') return replay.toEnd();
    const count = last.instructions - WATCHED_INSTRUCTIONS * pc.processors.length;
    if (count > pc.instructions) {
      const end = await replay.goTo({ kind: 'instruction', count });
      if (end !== SliceEnd.PointReached) return end;
    }
    const { end, branches } = await traceBranches(debuggedReplay(session, replay));
    this.branches = branches;
    return end;
  }

  private async reached(point: ReplayPoint, milliseconds: number): Promise<void> {
    const { session, vmm } = this.parts;
    const { pc } = session;
    this.points.push({
      point: pointText(point),
      instructions: pc.instructions,
      virtualTime: pc.virtualTime,
      exits: pc.exitCount,
      stateHash: pc.stateHash(),
      milliseconds,
      ...(await stopScreen(session, vmm.driver)),
    });
  }

  /** @param until the point to which the replay did not come */
  protected async endingBefore(end: SliceEnd, until: ReplayPoint | undefined): Promise<Ending> {
    const { session, inputs, vmm } = this.parts;
    if (end === SliceEnd.Attention) {
      const isTimeout = this.control.stopRequest === StopRequest.Timeout;
      return {
        outcome: isTimeout ? 'timeout' : 'interrupted',
        ...(await stopScreen(session, vmm.driver)),
      };
    }
    const isRecorded = end === SliceEnd.Replayed || (end !== SliceEnd.Diverged && inputs.endsHere());
    if (!isRecorded) return { outcome: 'diverged', detail: this.difference() };
    if (until !== undefined) return { outcome: 'error', detail: `the recording ended before ${pointText(until)}` };
    return this.withDeath(this.agreement());
  }

  private async withDeath(ending: Ending): Promise<Ending> {
    const { session, vmm } = this.parts;
    if (this.branches === undefined || session.end?.kind !== 'dead') return ending;
    const { detail, places } = await stopScreen(session, vmm.driver, this.branches);
    return { ...ending, detail: `${ending.detail}\n${detail}`, ...(places && { places }) };
  }

  /** Without the line of its end, a recording was cut off, or its run was killed: nothing says what came after the last line. */
  private agreement(): Ending {
    const { inputs, session } = this.parts;
    const { compared } = inputs;
    const states = compared === 0 ? 'no state' : `${groupedDigits(compared)} state${compared === 1 ? '' : 's'}`;
    const counts = `${groupedDigits(session.pc.instructions)} instructions, ${states} compared, no difference`;
    const last = this.checked.items.at(-1);
    if (last?.kind === 'end')
      return {
        outcome: 'replayed',
        detail: `replayed to the end (${OUTCOMES[last.outcome] ?? last.outcome}): ${counts}`,
      };
    const detail = `the recording is incomplete: its run was killed, or the file was cut. Replayed up to its last line: ${counts}`;
    return { outcome: 'incomplete', detail };
  }

  private difference(): string {
    const { from, to, what } = this.parts.inputs.divergence!;
    const lines = [
      `this run is not the recorded one: they differ between instruction ${groupedDigits(from)} and ${groupedDigits(to)}`,
      what,
    ];
    const failure = this.parts.vmm.lastFailure;
    if (failure !== undefined) lines.push(`a call failed here, and perhaps not in the recorded run: ${failure}`);
    if (this.recording.header.core !== hashOfCore())
      lines.push('the recording was made with another build of the processor core, whose runs may differ');
    lines.push(
      'what to try: look in the extensions for something that no run has twice: the time, random numbers, files',
    );
    return lines.join('\n');
  }
}

/** A replay as a debugger drives it. */
export const debuggedReplay = (session: MachineSession, replay: ReplaySession): DebuggedRun => ({
  session,
  advance: (untilVirtual) => replay.advance(untilVirtual),
  goBackBefore: (instructions) => replay.goBackBefore(instructions),
});
