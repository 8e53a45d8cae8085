// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../driver/driver.js';
import { Pc } from '../machine/pc.js';
import type { PcEnd } from '../machine/pc.js';
import { readBootFile, readCoreModule } from './boot_file.js';
import type { DeathPlaces } from './death_report.js';
import { LastOutput } from './last_output.js';
import { LateStart } from './late_start.js';
import { OutputBuffer } from './output_buffer.js';
import { StopRequest } from './run_control.js';
import type { RunControl } from './run_control.js';
import { namedExits } from './run_counters.js';
import type { Outcome, RunReport, RunRequest, WorkerMessage } from './run_request.js';
import { TextMatcher } from './text_matcher.js';
import { typeAtGuest } from './type_at_guest.js';

/** Milliseconds that the machine sleeps at once before it looks at the console and tells that it is alive. */
const LONGEST_SLEEP = 50;

/** A file of code is a module itself; any other file lists modules. */
const MODULE_SOURCE = /\.[cm]?[jt]s$/;

/** What extensions report, as values that JSON knows. */
function reportedValues(driver: Driver | undefined): Record<string, Record<string, number | string>> {
  const plain = (value: number | string | bigint): number | string =>
    typeof value === 'bigint' ? String(value) : value;
  return Object.fromEntries(
    Object.entries(driver?.reports() ?? {}).map(([extension, values]) => [
      extension,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value)])),
    ]),
  );
}

/** How a run can end whose report says what the processors were at. */
const WITH_REPORT: ReadonlySet<Outcome> = new Set(['dead', 'timeout', 'interrupted']);

interface Ending {
  readonly outcome: Outcome;
  readonly detail: string;
  /** Of a death: what is known of the instructions at which it happened. */
  readonly places?: DeathPlaces;
}

/** A run in the worker: machine, VMM and extensions from power-on to the report. */
export class MachineRun {
  private readonly console: OutputBuffer;
  private readonly vmm: OutputBuffer;
  private readonly matcher: TextMatcher | undefined;
  private readonly lateStart: LateStart | undefined;
  private readonly lastOutput = new LastOutput();
  private reached = false;
  /** How the machine ended, if it did by itself. */
  private end: PcEnd | undefined;
  /** Wall-clock time at which the idle time under way ends. */
  private idleUntil: number | undefined;

  constructor(
    private readonly request: RunRequest,
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {
    this.console = new OutputBuffer(control, (bytes) => post({ kind: 'console', bytes }));
    this.vmm = new OutputBuffer(control, (bytes) => post({ kind: 'vmm', bytes }));
    this.matcher = request.until === undefined ? undefined : new TextMatcher(request.until);
    this.lateStart = request.start === 'late' ? new LateStart(request.startAt) : undefined;
  }

  /** @throws BareflankError if the run cannot begin. */
  async run(): Promise<RunReport> {
    const { request } = this;
    const kernel = readBootFile(request.kernel);
    const modules = request.initrd === undefined ? [] : [readBootFile(request.initrd)];
    const pc = await this.makePc();
    try {
      const driver = await this.loadVmm(pc);
      pc.boot({ kernel, modules, append: request.append });
      if (request.start === 'boot') {
        this.post({ kind: 'calling', what: 'the start of the VMM' });
        driver?.start();
      }
      this.post({ kind: 'running' });
      const started = performance.now();
      const ending = this.loop(pc, driver);
      const milliseconds = performance.now() - started;
      this.post({ kind: 'stopped' });
      if (driver !== undefined) this.post({ kind: 'calling', what: 'the reports of extensions or the end of the VMM' });
      return this.report(pc, driver, await this.endingWithReport(ending, pc, driver), milliseconds);
    } finally {
      this.flush();
    }
  }

  private async makePc(): Promise<Pc> {
    const { request } = this;
    const pc: Pc = await Pc.create({
      coreModule: readCoreModule(),
      memoryBytes: request.memoryBytes,
      com1: (byte) => this.consoleByte(byte, pc),
      com2: (byte) => this.vmm.push(byte),
      debugConsole: (byte) => this.consoleByte(byte, pc),
      testDevice: request.testDevice,
      exitMark: this.control.exitWord,
      counters: this.control.counters,
      attention: this.control.attentionWord,
      ...(request.rtcStart !== undefined && { rtcStart: request.rtcStart }),
    });
    return pc;
  }

  private consoleByte(byte: number, pc: Pc): void {
    this.console.push(byte);
    this.lastOutput.push(byte);
    if (this.lateStart?.consoleByte(byte) === true) pc.requestStop();
    if (this.matcher?.push(byte) !== true) return;
    this.reached = true;
    pc.requestStop();
  }

  /** Loads the VMM with the extensions, even if it shall not start: errors in them are errors of the run. */
  private async loadVmm(pc: Pc): Promise<Driver | undefined> {
    const { request } = this;
    if (request.start === 'off' && request.modules.length === 0) return undefined;
    // Containers, bundler and VMM are a third of the start-up time of a run that needs none of them.
    const [{ Driver }, { moduleFiles }, { inlineExitPath }] = await Promise.all([
      import('../driver/driver.js'),
      import('../driver/node/module_files.js'),
      import('../driver/node/exit_path_inlining.js'),
    ]);
    inlineExitPath();
    const driver = await Driver.create({
      source: moduleFiles,
      machine: pc.driverHost,
      whereabouts: this.control.handlerWord,
      traceVmcs: request.traceVmcs === true,
      announceHandlers: (names) => this.post({ kind: 'handlers', names: [...names] }),
    });
    this.post({ kind: 'calling', what: 'the loading of the modules' });
    for (const file of request.modules) {
      if (MODULE_SOURCE.test(file)) driver.addModule(file);
      else driver.addModules(file);
    }
    await driver.load(request.settings);
    return driver;
  }

  private loop(pc: Pc, driver: Driver | undefined): Ending {
    const idle = (nanoseconds: number): boolean => this.lateStart?.idle() !== true && this.idle(nanoseconds);
    for (;;) {
      const end = pc.runQuantum(idle);
      this.control.counters.publish(pc);
      this.control.beat();
      this.flush();
      if (this.lateStart?.isDue === true) this.startLate(pc, driver!);
      if (this.reached) return this.orNeverStarted({ outcome: 'reached', detail: '' });
      if (end !== undefined) return this.orNeverStarted(this.endingOf(end));
      const stop = this.control.stopRequest;
      if (stop !== StopRequest.None)
        return { outcome: stop === StopRequest.Timeout ? 'timeout' : 'interrupted', detail: '' };
      if (typeAtGuest(this.control, pc)) {
        this.idleUntil = undefined;
        this.post({ kind: 'typed' });
      }
    }
  }

  private startLate(pc: Pc, driver: Driver): void {
    driver.start();
    this.lateStart!.started(pc.instructions);
  }

  /** A machine that died or was stopped says what it was at. */
  private async endingWithReport(ending: Ending, pc: Pc, driver: Driver | undefined): Promise<Ending> {
    const { outcome } = ending;
    if (!WITH_REPORT.has(outcome)) return ending;
    const { deathReport, stopReport } = await import('./death_report.js');
    const lines = this.lastOutput.lines();
    if (outcome !== 'dead') return { outcome, ...(await stopReport(pc.whereabouts(), lines)) };
    return this.end === undefined
      ? ending
      : { outcome, ...(await deathReport(this.end, driver?.hasVmm === true, lines)) };
  }

  /** A run that shall start late and never came to it has not done what it was asked for. */
  private orNeverStarted(ending: Ending): Ending {
    const { lateStart } = this;
    if (lateStart === undefined || lateStart.hasStarted || WITH_REPORT.has(ending.outcome)) return ending;
    return { outcome: 'error', detail: lateStart.reasonForNone };
  }

  private endingOf(end: PcEnd): Ending {
    this.end = end;
    return { outcome: end.kind, detail: end.detail };
  }

  /**
   * Real pace: idle time passes as on the wall, in short sleeps between which the console is watched. Fast pace: at once.
   * @returns whether the whole of it has passed.
   */
  private idle(nanoseconds: number): boolean {
    if (this.request.pace === 'fast') return true;
    const now = performance.now();
    this.idleUntil ??= now + nanoseconds / 1e6;
    if (now >= this.idleUntil) {
      this.idleUntil = undefined;
      return true;
    }
    this.control.sleep(Math.min(this.idleUntil - now, LONGEST_SLEEP));
    return false;
  }

  private flush(): void {
    this.console.flush();
    this.vmm.flush();
  }

  private report(pc: Pc, driver: Driver | undefined, ending: Ending, milliseconds: number): RunReport {
    const { outcome, detail, places } = ending;
    const machine = {
      // Always there under a VMM: scripts compare it with what an extension counted, which may be 0.
      exits: { ...(this.request.start !== 'off' && { cpuid: 0 }), ...namedExits(pc.exits()) },
      instructions: pc.instructions,
      virtualTime: pc.virtualTime,
      debugExit: pc.debugExit,
      stateHash: pc.stateHash(),
      ...places,
    };
    try {
      const lateStart = this.lateStart && { lateStart: this.lateStart.summary };
      return { outcome, detail, machine, extensions: reportedValues(driver), milliseconds, ...lateStart };
    } finally {
      pc.switchOff();
      // Parts that are disposed log their last words.
      driver?.close();
    }
  }
}
