// SPDX-License-Identifier: LGPL-2.1-only
import { inlineExitPath } from '../../driver/node/exit_path_inlining.js';
import { moduleFiles } from '../../driver/node/module_files.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { LateStart } from '../../session/late_start.js';
import { MachineSession } from '../../session/machine_session.js';
import { ReplayedInputs } from '../../session/replayed_inputs.js';
import { SliceEnd } from '../../session/session_ports.js';
import { ReplaySession, type ReplayedVmm } from '../../session/replay/replay_session.js';
import type { ReplayPoint } from '../../session/replay/replay_point.js';
import { ReplayedConsole } from '../../session/replay/replayed_console.js';
import { hashOfCore } from '../recording/recorded_files.js';
import { readRecording, type Recording } from '../recording/read_recording.js';
import { reportOfRun, stopScreen, type Ending } from '../run/report_of_run.js';
import { announced, LOADING_MODULES } from '../worker/announced_modules.js';
import { readBootFile, readBootModule, readCoreModule } from '../worker/boot_file.js';
import { consoleOfFile } from '../worker/console_file.js';
import { StopRequest, type RunControl } from '../worker/run_control.js';
import type { PointReport, RunReport, RunRequest, WorkerMessage } from '../worker/run_request.js';
import { sessionOptions, sessionPorts, useGlobalsOf } from '../worker/session_in_worker.js';
import { checkedRecording, type CheckedRecording } from './recorded_code.js';
import { pointText } from './replay_point.js';
import { ReplayedDriver } from './replayed_driver.js';
import type { ReplayRequest } from './replay_request.js';

/** For people who wait: what the driver does. */
function watched(driver: ReplayedDriver, post: (message: WorkerMessage) => void): ReplayedVmm {
  const announcedAs = async (what: string, act: () => Promise<void>): Promise<void> => {
    post({ kind: 'calling', what });
    await act();
    post({ kind: 'running' });
  };
  return {
    get driver() {
      return driver.driver;
    },
    start: () => driver.start(),
    call: (call) => announcedAs(`the recorded ${call.method}`, () => driver.call(call)),
    restore: (saved) => announcedAs('the return to a checkpoint', () => driver.restore(saved)),
  };
}

/** A recorded run again, in the worker: nothing comes in but what the recording has. */
export class ReplayRun {
  private session!: MachineSession;
  private driver!: ReplayedDriver;
  private inputs!: ReplayedInputs;
  private recording!: Recording;
  private checked!: CheckedRecording;
  private console!: ReplayedConsole;
  private replay!: ReplaySession;
  private lateStart: LateStart | undefined;
  private readonly points: PointReport[] = [];

  constructor(
    private readonly request: ReplayRequest,
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {}

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
      const ending = await this.ending();
      const milliseconds = performance.now() - started;
      this.post({ kind: 'stopped' });
      this.post({ kind: 'calling', what: 'the reports of extensions or the end of the VMM' });
      const { session, lateStart, points } = this;
      const { driver } = this.driver;
      const hasVmm = this.recorded.start !== 'off';
      const checkpoints = this.replay.checkpointFacts;
      return {
        ...reportOfRun(ending, { session, driver, lateStart, milliseconds, hasVmm }),
        ...(points.length > 0 && { points }),
        ...(checkpoints !== undefined && { checkpoints }),
      };
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
    const globals = useGlobalsOf(this.session, recorded);
    process.setSourceMapsEnabled(true);
    inlineExitPath();
    this.driver = await ReplayedDriver.create(this.session, {
      source: announced(moduleFiles, (what) => post({ kind: 'calling', what })),
      machine: this.session.pc.driverAccess,
      whereabouts: control.handlerWord,
      announceHandlers: (names) => post({ kind: 'handlers', names: [...names] }),
    });
    post({ kind: 'calling', what: LOADING_MODULES });
    if (recorded.modules.length > 0 || recorded.start !== 'off')
      await this.driver.load(this.checked.modules, recorded.settings);
    this.session.boot({ kernel, modules, append: recorded.append });
    post({ kind: 'calling', what: 'the start of the VMM' });
    if (recorded.start === 'boot') this.driver.startAtBoot();
    const { session, inputs, lateStart, console } = this;
    const vmm = watched(this.driver, post);
    const { until, checkpoints } = this.request;
    // One point is reached on the way forward.
    const most = until.length > 1 ? checkpoints : undefined;
    this.replay = new ReplaySession({ session, inputs, lateStart, console, vmm, globals }, most);
  }

  private makeSession(): Promise<MachineSession> {
    const { control, post } = this;
    const { disks = [], virtioConsole, ...rest } = this.recorded;
    const request = { ...rest, disks: disks.map((disk) => ({ ...disk, isWritable: false })), pace: 'fast' } as const;
    const console = new ReplayedConsole(rest.until);
    this.console = console;
    this.lateStart = rest.start === 'late' ? new LateStart(rest.startAt) : undefined;
    const ports = sessionPorts(control, post, () => control.stopRequest !== StopRequest.None);
    return MachineSession.create(
      {
        ...sessionOptions(request, control, readCoreModule()),
        ...(virtioConsole !== undefined && { virtioConsole: consoleOfFile(virtioConsole) }),
        lateStart: this.lateStart,
        until: console,
        inputs: (pc) => (this.inputs = new ReplayedInputs(pc, this.checked.items, control.attentionWord)),
      },
      { ...ports, console: console.guestTo(ports.console), vmm: console.vmmTo(ports.vmm) },
    );
  }

  /** Stops at the points of `--until`, or at the end. */
  private async ending(): Promise<Ending> {
    for (const point of this.request.until) {
      const started = performance.now();
      const end = await this.replay.goTo(point);
      if (end !== SliceEnd.PointReached) return this.endingBefore(end, point);
      await this.reached(point, performance.now() - started);
    }
    const last = this.points.at(-1);
    if (last === undefined) return this.endingBefore(await this.replay.toEnd(), undefined);
    const { detail, places } = last;
    return { outcome: 'reached', detail, ...(places && { places }) };
  }

  private async reached(point: ReplayPoint, milliseconds: number): Promise<void> {
    const { pc } = this.session;
    this.points.push({
      point: pointText(point),
      instructions: pc.instructions,
      virtualTime: pc.virtualTime,
      exits: pc.exitCount,
      stateHash: pc.stateHash(),
      milliseconds,
      ...(await stopScreen(this.session, this.driver.driver)),
    });
  }

  /** @param until the point to which the replay did not come */
  private async endingBefore(end: SliceEnd, until: ReplayPoint | undefined): Promise<Ending> {
    if (end === SliceEnd.Attention) {
      const isTimeout = this.control.stopRequest === StopRequest.Timeout;
      return {
        outcome: isTimeout ? 'timeout' : 'interrupted',
        ...(await stopScreen(this.session, this.driver.driver)),
      };
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
