// SPDX-License-Identifier: LGPL-2.1-only
import { Driver } from '../../driver/driver.js';
import { inlineExitPath } from '../../driver/node/exit_path_inlining.js';
import { moduleFiles } from '../../driver/node/module_files.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { LateStart } from '../../session/late_start.js';
import { MachineSession } from '../../session/machine_session.js';
import { ReplayedInputs } from '../../session/replayed_inputs.js';
import { SliceEnd } from '../../session/session_ports.js';
import { TextMatcher } from '../../session/text_matcher.js';
import { DriverCommands } from '../host/driver_commands.js';
import { performCall } from '../host/perform_call.js';
import { hashOfCore } from '../recording/recorded_files.js';
import { readRecording, type Recording } from '../recording/read_recording.js';
import { reportOfRun, stopScreen, type Ending } from '../run/report_of_run.js';
import { announced, LOADING_MODULES } from '../worker/announced_modules.js';
import { readBootFile, readBootModule, readCoreModule } from '../worker/boot_file.js';
import { consoleOfFile } from '../worker/console_file.js';
import { StopRequest, type RunControl } from '../worker/run_control.js';
import type { RunReport, RunRequest, WorkerMessage } from '../worker/run_request.js';
import { sessionOptions, sessionPorts, useGlobalsOf } from '../worker/session_in_worker.js';
import { checkedRecording, type CheckedRecording } from './recorded_code.js';
import { pointText } from './replay_point.js';
import type { ReplayRequest } from './replay_request.js';

/** A recorded run again, in the worker: nothing comes in but what the recording has. */
export class ReplayRun {
  private session!: MachineSession;
  private driver!: Driver;
  private commands!: DriverCommands;
  private inputs!: ReplayedInputs;
  private recording!: Recording;
  private checked!: CheckedRecording;
  private lateStart: LateStart | undefined;
  /** The text of `--until`, and whether it has appeared. */
  private readonly text: TextMatcher | undefined;
  private isTextThere = false;

  constructor(
    private readonly request: ReplayRequest,
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {
    const { until } = request;
    this.text = until?.kind === 'text' ? new TextMatcher(until.text) : undefined;
  }

  /** @throws BareflankError if the recording cannot be replayed here. */
  async run(): Promise<RunReport> {
    this.post({ kind: 'calling', what: 'the check of the recording' });
    this.recording = readRecording(this.request.recording);
    this.checked = await checkedRecording(this.recording);
    await this.build();
    try {
      this.control.start();
      this.post({ kind: 'running' });
      const started = performance.now();
      const ending = await this.ending(await this.loop());
      const milliseconds = performance.now() - started;
      this.post({ kind: 'stopped' });
      this.post({ kind: 'calling', what: 'the reports of extensions or the end of the VMM' });
      const { session, driver, lateStart } = this;
      return reportOfRun(ending, { session, driver, lateStart, milliseconds, hasVmm: this.recorded.start !== 'off' });
    } finally {
      this.session.flush();
    }
  }

  private get recorded(): RunRequest {
    return this.recording.header.request;
  }

  /** The machine of the recording, up to its first instruction. No file of the recorded run changes. */
  private async build(): Promise<void> {
    const { recorded, control, post } = this;
    const kernel = readBootFile(recorded.kernel);
    const modules = (recorded.initrd ?? []).map(readBootModule);
    this.session = await this.makeSession();
    useGlobalsOf(this.session, recorded);
    process.setSourceMapsEnabled(true);
    inlineExitPath();
    this.driver = await Driver.create({
      source: announced(moduleFiles, (what) => post({ kind: 'calling', what })),
      machine: this.session.pc.driverAccess,
      whereabouts: control.handlerWord,
      announceHandlers: (names) => post({ kind: 'handlers', names: [...names] }),
    });
    this.commands = new DriverCommands(this.driver);
    post({ kind: 'calling', what: LOADING_MODULES });
    if (recorded.modules.length > 0 || recorded.start !== 'off')
      await this.commands.load(this.checked.modules, recorded.settings);
    this.session.boot({ kernel, modules, append: recorded.append });
    post({ kind: 'calling', what: 'the start of the VMM' });
    if (recorded.start === 'boot') this.commands.start();
  }

  private makeSession(): Promise<MachineSession> {
    const { control, post } = this;
    const { disks = [], virtioConsole, ...rest } = this.recorded;
    const { until } = this.request;
    const request = { ...rest, disks: disks.map((disk) => ({ ...disk, isWritable: false })), pace: 'fast' } as const;
    // At each VM exit the session looks whether it is the wanted one.
    const attention = until?.kind === 'exit' ? Int32Array.of(1) : control.attentionWord;
    this.lateStart = rest.start === 'late' ? new LateStart(rest.startAt) : undefined;
    return MachineSession.create(
      {
        ...sessionOptions(request, control, readCoreModule()),
        ...(virtioConsole !== undefined && { virtioConsole: consoleOfFile(virtioConsole) }),
        attention,
        lateStart: this.lateStart,
        until: this.texts(),
        ...(until !== undefined && until.kind !== 'text' && { stopAt: until }),
        inputs: (pc) =>
          (this.inputs = new ReplayedInputs(pc, this.checked.items, until?.kind === 'exit' ? undefined : attention)),
      },
      sessionPorts(control, post, () => control.stopRequest !== StopRequest.None),
    );
  }

  /** The text that ended the recorded run, and that of `--until`. */
  private texts(): { push(byte: number): boolean } {
    const recorded = this.recorded.until === undefined ? undefined : new TextMatcher(this.recorded.until);
    return {
      push: (byte) => {
        if (this.text?.push(byte) === true) this.isTextThere = true;
        return recorded?.push(byte) === true || this.isTextThere;
      },
    };
  }

  private async loop(): Promise<SliceEnd> {
    for (;;) {
      const end = this.session.slice(Infinity);
      if (end === SliceEnd.CallDue) await this.call();
      else if (end === SliceEnd.LateStartDue) this.startLate();
      else if (end !== SliceEnd.Time && end !== SliceEnd.Idle) return end;
    }
  }

  /** A call that failed in the recorded run fails here too, in the same way. */
  private async call(): Promise<void> {
    const call = this.session.dueCall!;
    this.post({ kind: 'calling', what: `the recorded ${call.method}` });
    try {
      await this.session.call(call, () => performCall(this.commands, call.method, call.params));
    } catch {
      // The state hash says whether it did the same.
    }
    this.post({ kind: 'running' });
  }

  private startLate(): void {
    this.session.lateStarted();
    try {
      this.commands.start();
    } catch {
      // As above.
    }
  }

  private async ending(end: SliceEnd): Promise<Ending> {
    const { until } = this.request;
    if (this.isTextThere || end === SliceEnd.PointReached)
      return { outcome: 'reached', ...(await stopScreen(this.session, this.driver)) };
    if (end === SliceEnd.Attention) {
      const isTimeout = this.control.stopRequest === StopRequest.Timeout;
      return { outcome: isTimeout ? 'timeout' : 'interrupted', ...(await stopScreen(this.session, this.driver)) };
    }
    const isRecorded = end === SliceEnd.Replayed || (end !== SliceEnd.Diverged && this.inputs.endsHere());
    if (!isRecorded) return { outcome: 'diverged', detail: this.difference() };
    if (until !== undefined) return { outcome: 'error', detail: `the recording ended before ${pointText(until)}` };
    return this.agreement();
  }

  /** Without the line of its end, a recording was cut off, or its run was killed: nothing says what came after the last line. */
  private agreement(): Ending {
    const { compared } = this.inputs;
    const states = compared === 0 ? 'no state' : `${groupedDigits(compared)} state${compared === 1 ? '' : 's'}`;
    const counts = `${groupedDigits(this.session.pc.instructions)} instructions, ${states} compared, no difference`;
    const last = this.checked.items.at(-1);
    if (last?.kind === 'end')
      return { outcome: 'replayed', detail: `replayed to the end (${last.outcome}): ${counts}` };
    const detail = `the recording is incomplete, its run was killed or the file was cut: replayed up to its last line: ${counts}`;
    return { outcome: 'incomplete', detail };
  }

  private difference(): string {
    const { from, to, what } = this.inputs.divergence!;
    const lines = [
      `this run is not the recorded one: they differ between instruction ${groupedDigits(from)} and ${groupedDigits(to)}`,
      what,
    ];
    if (this.recording.header.core !== hashOfCore())
      lines.push('the recording was made with another build of the processor core, whose runs may differ');
    lines.push(
      'what to try: look in the extensions for something that no run has twice: the time, random numbers, files',
    );
    return lines.join('\n');
  }
}
