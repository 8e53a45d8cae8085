// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { SeededGlobals } from '../../driver/handler_globals.js';
import type { PromiseWatch } from '../../driver/node/promise_watch.js';
import { addModules } from '../../session/add_modules.js';
import { LateStart } from '../../session/late_start.js';
import { MachineSession } from '../../session/machine_session.js';
import { SliceEnd } from '../../session/session_ports.js';
import { TextMatcher } from '../../session/text_matcher.js';
import type { CompiledDump } from '../compiled/compiled_dump.js';
import { watchCompiled } from '../compiled/watch_compiled.js';
import { announced, LOADING_MODULES } from '../worker/announced_modules.js';
import { readBootFile, readBootModule, readCoreModule } from '../worker/boot_file.js';
import { StopRequest } from '../worker/run_control.js';
import type { RunControl } from '../worker/run_control.js';
import { RunInstruments } from '../instruments/run_instruments.js';
import type { RunRecording } from '../recording/run_recording.js';
import { reportOfRun, stopScreen, type Ending } from './report_of_run.js';
import type {
  GdbRequest,
  Outcome,
  RecordRequest,
  RunReport,
  RunRequest,
  WorkerMessage,
} from '../worker/run_request.js';
import { SnapshotError } from '../snapshot/snapshot_error.js';
import type { Snapshot } from '../snapshot/snapshot_file.js';
import { sessionOptions, sessionPorts, useGlobalsOf } from '../worker/session_in_worker.js';
import { ENDED_BY_GDB } from '../gdb/debugged_machine.js';
import { timedRun } from '../worker/timed_run.js';
import type { RunFacts } from './saved_run.js';
import { NO_VMM_TO_VERIFY } from './snapshot_options.js';

/** Milliseconds that the machine sleeps at a time before it checks the console and shows that it is alive. */
const LONGEST_SLEEP = 50;

/** The ends of a run for which the report has the processors' state. */
const WITH_REPORT: ReadonlySet<Outcome> = new Set(['dead', 'timeout', 'interrupted']);

// Loaded only if needed: with what they need, they would take half of the time in which this thread comes to a guest's first instruction.
const savedRuns = () => import('./saved_run.js');
const recordingOf = async (record: RecordRequest, request: RunRequest): Promise<RunRecording> =>
  (await import('../recording/run_recording.js')).RunRecording.begin(record, request);

/** A run in the worker: machine, VMM and extensions from power-on to the report. */
export class MachineRun {
  private lateStart: LateStart | undefined;
  private driver: Driver | undefined;
  private session!: MachineSession;
  /** What a snapshot would say about the files of this run. */
  private facts: RunFacts | undefined;
  /** With which the run goes on. */
  private snapshot: Snapshot | undefined;
  private globals: SeededGlobals | undefined;
  private recording: RunRecording | undefined;
  private promises: PromiseWatch | undefined;
  private instruments!: RunInstruments;
  private dump: CompiledDump | undefined;

  constructor(
    private readonly request: RunRequest,
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {
    this.lateStart = request.start === 'late' ? new LateStart(request.startAt) : undefined;
  }

  /** @throws BareflankError if the run cannot begin. */
  async run(): Promise<RunReport> {
    const { request } = this;
    this.recording = request.record && (await recordingOf(request.record, request));
    this.instruments = RunInstruments.begin(request);
    const begin = request.isRestored ? await this.restored() : await this.powerOn();
    try {
      this.driver = await this.loadVmm();
      this.checkVerification();
      begin();
      const begun = this.session.pc.instructions;
      if (request.start === 'boot') this.start();
      const channel = { control: this.control, post: this.post };
      const { ending, milliseconds } = await timedRun(
        channel,
        async () => this.saved(request.gdb === undefined ? await this.loop() : await this.underGdb(request.gdb)),
        () => this.driver !== undefined,
      );
      this.recordEnd(ending.outcome);
      const { session, driver, lateStart } = this;
      const hasVmm = request.start !== 'off' || driver?.hasVmm === true;
      const measured = this.instruments.write(session.pc, driver, this.post);
      const compiledRegion = await this.dump?.text();
      const whole = await this.endingWithReport(ending);
      const report = reportOfRun(whole, { session, driver, lateStart, milliseconds, begun, hasVmm });
      return { ...report, ...measured, ...(compiledRegion !== undefined && { compiledRegion }) };
    } finally {
      this.promises?.[Symbol.dispose]();
      this.session.flush();
      this.recording?.close();
      this.instruments.close();
    }
  }

  /** A machine that is switched on. @returns what boots it */
  private async powerOn(): Promise<() => void> {
    const { request } = this;
    const kernel = readBootFile(request.kernel);
    const modules = (request.initrd ?? []).map(readBootModule);
    this.session = await this.makeSession(request);
    if (request.save !== undefined) this.facts = (await savedRuns()).factsOf(request, [kernel, ...modules]);
    return () => this.session.boot({ kernel, modules, append: request.append });
  }

  /** The machine of a snapshot, before a VMM is loaded: the VMM's memory is a part of the snapshot. @returns what tells the main thread of it */
  private async restored(): Promise<() => void> {
    const { request } = this;
    const { snapshotOf, requestOf, restoreMachine } = await savedRuns();
    const snapshot = await snapshotOf(request);
    const { header, driver } = snapshot;
    this.snapshot = snapshot;
    // A VMM that runs already is started no more.
    if (driver?.isRunning === true) this.lateStart = undefined;
    this.session = await this.makeSession(requestOf(request, header));
    this.facts = { ...header, moduleFiles: [...request.modules] };
    restoreMachine(this.session, snapshot, request.kernel);
    const { lastOutput } = this.session;
    const console = { lines: lastOutput.lines(), isOpen: lastOutput.isLineOpen };
    return () => this.post({ kind: 'restored', instructions: header.instructions, console });
  }

  /** What can be known before the guest runs. @throws SnapshotError if there will be no VM exits to compare */
  private checkVerification(): void {
    const { request, driver } = this;
    if (request.save?.verifies !== true || driver?.hasVmm === true) return;
    if (driver === undefined || request.start === 'off') throw new SnapshotError(NO_VMM_TO_VERIFY);
  }

  /** Saves the machine if the run has come to the moment for it. */
  private async saved(ending: Ending): Promise<Ending> {
    const { request, session, driver, globals } = this;
    if (request.save === undefined || ending.outcome !== 'reached') return ending;
    const { saveRun } = await savedRuns();
    const detail = await saveRun({ session, driver, facts: this.facts!, globals }, request.save, request);
    return { outcome: 'saved', detail };
  }

  private async makeSession(request: RunRequest): Promise<MachineSession> {
    const { control, lateStart, post } = this;
    const { until, save } = request;
    const text = typeof save?.at === 'string' ? save.at : until;
    const options = {
      ...sessionOptions(request, control, readCoreModule()),
      lateStart,
      until: text === undefined ? undefined : new TextMatcher(text),
      stopAt: typeof save?.at === 'number' ? ({ kind: 'instruction', count: save.at } as const) : undefined,
      recorder: this.recording?.recorder,
      ...this.instruments.recorders,
    };
    const wantsAttention = (): boolean => control.stopRequest !== StopRequest.None || control.wantsReload;
    const session = await MachineSession.create(options, sessionPorts(control, post, wantsAttention));
    this.globals = useGlobalsOf(session, request, this.snapshot?.header.seed);
    if (request.dumpCompiled !== undefined) this.dump = await watchCompiled(session, request.dumpCompiled);
    return session;
  }

  private start(): void {
    this.post({ kind: 'calling', what: 'the start of the VMM' });
    this.driver?.start();
  }

  /** Loads the VMM with the extensions, even with --start off: errors in them are errors of the run. */
  private async loadVmm(): Promise<Driver | undefined> {
    const { request, snapshot } = this;
    const saved = snapshot?.driver?.image === undefined ? undefined : snapshot.driver;
    if (saved === undefined && request.start === 'off' && request.modules.length === 0) return undefined;
    // Loaded only if needed: containers, bundler and VMM take a third of the start-up time of a run without a VMM.
    const [{ Driver }, { moduleFiles }, { useSourceMaps }, { PromiseWatch }] = await Promise.all([
      import('../../driver/driver.js'),
      import('../../driver/node/module_files.js'),
      import('../../driver/node/source_maps.js'),
      import('../../driver/node/promise_watch.js'),
    ]);
    if (request.realClock !== true) this.promises = new PromiseWatch();
    useSourceMaps();
    const driver = await Driver.create({
      source: announced(moduleFiles, (what) => this.post({ kind: 'calling', what })),
      machine: this.session.pc.driverAccess,
      whereabouts: this.control.handlerWord,
      traceVmcs: request.traceVmcs === true,
      announceHandlers: (names) => this.post({ kind: 'handlers', names: [...names] }),
      ...(this.promises && { watch: this.promises.follow }),
    });
    this.post({ kind: 'calling', what: LOADING_MODULES });
    addModules(driver, request.modules);
    if (saved === undefined) await driver.load(request.settings);
    else await (await savedRuns()).restoreVmm(driver, saved, snapshot!.header);
    return driver;
  }

  private async loop(): Promise<Ending> {
    for (;;) {
      const ending = this.endingOf(await this.advance(Infinity));
      if (ending !== undefined) return ending;
    }
  }

  /** A slice, and what falls due at its end. */
  private async advance(untilVirtual: number): Promise<SliceEnd> {
    const { session, control } = this;
    const end = session.slice(untilVirtual);
    if (end === SliceEnd.LateStartDue) this.startLate();
    else if (end === SliceEnd.Idle) control.sleep(Math.min(session.idleMilliseconds, LONGEST_SLEEP));
    if (end !== SliceEnd.Attention || control.stopRequest !== StopRequest.None) return end;
    await this.reload();
    return SliceEnd.Time;
  }

  /** The end of the run, if a slice ended with it. */
  private endingOf(end: SliceEnd): Ending | undefined {
    switch (end) {
      case SliceEnd.TextReached:
      case SliceEnd.PointReached:
        return this.orNeverStarted({ outcome: 'reached', detail: '' });
      case SliceEnd.Ended: {
        const { kind, detail } = this.session.guestEnd!;
        return this.orNeverStarted({ outcome: kind, detail });
      }
      case SliceEnd.Attention: {
        const stop = this.control.stopRequest;
        return { outcome: stop === StopRequest.Timeout ? 'timeout' : 'interrupted', detail: '' };
      }
      default:
        return undefined;
    }
  }

  /** The same with a port for GDB. */
  private async underGdb({ waits }: GdbRequest): Promise<Ending> {
    const { session, request, post } = this;
    const [{ runUnderGdb }, { TypedEvaluation }] = await Promise.all([
      import('../gdb/run_under_gdb.js'),
      import('../evaluate/typed_evaluation.js'),
    ]);
    const isRecorded = request.record !== undefined;
    const evaluation = new TypedEvaluation({ session, driver: this.driver, isRecorded });
    const { end } = await runUnderGdb(
      {
        run: { session, advance: (untilVirtual) => this.advance(untilVirtual) },
        handlers: () => this.driver?.handlerNames ?? [],
        canChange: !isRecorded,
        evaluate: (text) => evaluation.evaluate(text),
        ending: () => this.session.guestEnd?.detail ?? 'the run has come to its end',
        waits,
      },
      post,
    );
    // GDB stops anywhere; a recording ends at a moment.
    if (!session.isAtMoment) session.slice(session.pc.virtualTime);
    return end === undefined ? { outcome: 'interrupted', detail: ENDED_BY_GDB } : this.endingOf(end)!;
  }

  /** New code for the VMM, from `--watch`. If it is refused, the old code goes on. */
  private async reload(): Promise<void> {
    const { control, post, session, driver, recording, request } = this;
    control.beginReload();
    post({ kind: 'calling', what: LOADING_MODULES });
    // Loaded only if needed.
    const { reloadedText } = await import('./reloaded_text.js');
    post({ kind: 'reloaded', text: await reloadedText({ session, driver: driver!, recording }, request.modules) });
    post({ kind: 'calling', what: undefined });
  }

  /** A run that the host ended is at a moment. */
  private recordEnd(outcome: Outcome): void {
    const isByHost = outcome === 'timeout' || outcome === 'interrupted';
    this.recording?.recorder.ended(this.session.pc, outcome, isByHost);
  }

  private startLate(): void {
    this.driver!.start();
    this.session.lateStarted();
  }

  /** The processors' state, for a machine that died or was stopped. */
  private async endingWithReport(ending: Ending): Promise<Ending> {
    const { outcome } = ending;
    return WITH_REPORT.has(outcome) ? { outcome, ...(await stopScreen(this.session, this.driver)) } : ending;
  }

  /** Whether a late start was asked for and never came: the run has then not done its job. */
  private orNeverStarted(ending: Ending): Ending {
    const { lateStart } = this;
    if (lateStart === undefined || lateStart.hasStarted || WITH_REPORT.has(ending.outcome)) return ending;
    return { outcome: 'error', detail: lateStart.reasonForNone };
  }
}
