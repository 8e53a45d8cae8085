// SPDX-License-Identifier: LGPL-2.1-only
import { Worker } from 'node:worker_threads';
import type { GdbAddress } from '../gdb/gdb_address.js';
import type { GdbEvent } from '../gdb/gdb_inbox.js';
import type { GdbPort } from '../gdb/gdb_port.js';
import { endWorker } from '../worker/end_worker.js';
import { endedFromInside } from '../worker/ended_worker.js';
import { GuestConsole } from '../console/guest_console.js';
import { stuckReport } from '../worker/stuck_report.js';
import { InputQueue } from '../worker/input_queue.js';
import { problemOf } from '../failures/problem.js';
import type { InspectAddress } from '../options/inspect_address.js';
import { RunControl, StopRequest } from '../worker/run_control.js';
import type { Outcome, RunReport, RunWorkerData, ShownConsole, WorkerMessage } from '../worker/run_request.js';
import { RunFailedError } from './run_failed_error.js';
import type { TextSink } from '../console/text_sink.js';
import { VmmLines } from '../console/vmm_lines.js';
import { Watchdog } from '../worker/watchdog.js';
import { Seal } from '../worker/worker_messages.js';

/** How often a run is asked whether a breakpoint holds it, after the second request to stop. */
const MOST_RELEASES = 1000;

/** What a session needs besides the request. */
export interface SessionOptions {
  /** Seconds from the guest's first instruction on, undefined for no limit. */
  readonly timeout?: number | undefined;
  readonly console: TextSink;
  readonly vmm: TextSink;
  /** A debugger may hold the worker. While it does, nobody watches whether handlers return. */
  readonly inspect?: InspectAddress | undefined;
  /** The machine goes on from a snapshot. */
  readonly restored?: (instructions: number, console: ShownConsole) => void;
  /** The modules were reloaded, or the reload was refused: a text for people. */
  readonly reloaded?: (text: string) => void;
  /** Ends an open line of the console. The default is a line feed. */
  readonly newline?: string;
  /** Whether the VMM's lines keep their colours. */
  readonly colours: boolean;
  /** Where GDB connects to. */
  readonly gdb?: GdbAddress | undefined;
  /** Says to the user where GDB finds the machine. */
  readonly listening?: (target: string) => void;
  /** Milliseconds that modules may take to load, VMM and extensions to start, to report and to end. The default is 10000. */
  readonly callPatience?: number;
}

/**
 * One run, seen from the main thread. It starts the worker with machine, VMM and extensions, shows what they print, and ends the worker if it does
 * not end by itself. The first request to stop waits for the end of a quantum. The second request, or an extension that hangs, kills the worker.
 */
export class RunSession {
  readonly control = new RunControl();
  private readonly seal = new Seal<WorkerMessage>();
  private readonly input = new InputQueue(this.control);
  private readonly console: GuestConsole;
  private readonly vmm: VmmLines;
  private handlers: readonly string[] = [];
  private worker: Worker | undefined;
  private watchdog: Watchdog | undefined;
  private gdb: GdbPort | undefined;
  private blocked = false;
  private startedAt: number | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private isReleasing = false;
  private isFinished = false;
  private isForced = false;
  private finish: (report: RunReport) => void = () => {};
  private fail: (error: Error) => void = () => {};

  /** @param request for the worker. @param workerFile its program; the default runs a `RunRequest` */
  constructor(
    private readonly request: object,
    private readonly options: SessionOptions,
    private readonly workerFile = new URL('./machine_worker.js', import.meta.url),
  ) {
    this.console = new GuestConsole(options.console, options.newline);
    this.vmm = new VmmLines(options.vmm, options.colours);
  }

  /** Runs to the end. @throws BareflankError if the run could not begin. */
  async run(): Promise<RunReport> {
    this.watchdog = this.makeWatchdog();
    try {
      return await this.runWorker();
    } finally {
      this.isFinished = true;
      this.gdb?.close();
      clearTimeout(this.deadline);
      this.watchdog?.stop();
      if (this.isForced && this.options.inspect !== undefined)
        await (await import('../worker/worker_debugger.js')).closeWorkerInspector(this.workerFile);
      if (this.worker !== undefined) this.blocked = !(await endWorker(this.worker));
      this.console.end();
      this.vmm.end();
    }
  }

  private makeWatchdog(): Watchdog {
    return new Watchdog(this.control, {
      handlers: () => this.handlers,
      onHang: (what) => this.terminate('dead', what),
      callPatience: this.options.callPatience,
      isHeld:
        this.options.inspect &&
        (async () => (await import('../worker/worker_debugger.js')).isHeldByDebugger(this.workerFile)),
    });
  }

  /** The worker is blocked in a system call and could not be ended. Only the end of this process ends it. */
  get isBlocked(): boolean {
    return this.blocked;
  }

  /** Input may come from now on: the run goes on while the guest waits for it. */
  openInput(): void {
    this.control.openInput();
  }

  /** No more input will come. Precondition: all input was taken. */
  endInput(): void {
    this.control.endInput();
  }

  /** Types bytes at the guest's console. @returns once they are on their way to the guest, which may be never */
  type(bytes: Uint8Array): Promise<void> {
    return this.input.type(bytes);
  }

  /** The modules have new code, with which the VMM goes on. */
  reload(): void {
    this.control.requestReload();
  }

  /** Ctrl-C or Ctrl-A X: once to stop at the next quantum, twice to stop now. */
  interrupt(): void {
    if (this.control.stopRequest === StopRequest.None && this.control.isRunning) {
      this.control.requestStop(StopRequest.Interrupted);
      // A machine that a debugger holds looks at no words.
      if (this.gdb !== undefined) this.tell({ kind: 'stop' });
    } else if (this.options.inspect !== undefined && !this.isReleasing) void this.release();
    else this.terminateByUser();
  }

  private terminateByUser(): void {
    this.terminate('interrupted', this.control.isRunning ? 'the machine was ended by force' : 'before the guest ran');
  }

  /** A thread at a breakpoint cannot be ended. So it goes on, from breakpoint to breakpoint, until it comes to the end that it was asked for. */
  private async release(): Promise<void> {
    this.isReleasing = true;
    this.control.requestStop(StopRequest.Interrupted);
    const { isHeldByDebugger, releaseFromDebugger } = await import('../worker/worker_debugger.js');
    let wasHeld = false;
    for (let asked = 0; asked < MOST_RELEASES && !this.isFinished; asked++) {
      const isHeld = await isHeldByDebugger(this.workerFile);
      if (isHeld) await releaseFromDebugger(this.workerFile);
      else if (!wasHeld) break;
      wasHeld ||= isHeld;
    }
    if (!this.isFinished) this.terminateByUser();
  }

  /** Opens GDB's port, now that the machine can answer: GDB sends again what has no answer within seconds. */
  private async listen(): Promise<void> {
    const { gdb, listening } = this.options;
    if (gdb === undefined || this.gdb !== undefined) return;
    const { GdbPort } = await import('../gdb/gdb_port.js');
    this.gdb = await GdbPort.listen(gdb, (event) => this.tell(event));
    listening?.(this.gdb.target);
  }

  private tell(event: GdbEvent): void {
    this.worker!.postMessage(event);
  }

  private runWorker(): Promise<RunReport> {
    return new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
      const workerData: RunWorkerData<object> = {
        request: this.request,
        control: this.control.memory,
        seal: this.seal.text,
        inspect: this.options.inspect,
      };
      const worker = new Worker(this.workerFile, { workerData });
      this.worker = worker;
      worker.on('message', (received: unknown) => {
        const message = this.seal.open(received);
        if (message !== undefined) this.receive(message);
      });
      worker.on('error', (error: unknown) => reject(new RunFailedError(problemOf(error))));
      worker.on('exit', (code) =>
        reject(new RunFailedError(problemOf(endedFromInside(code, this.watchdog?.underWay)))),
      );
    });
  }

  private receive(message: WorkerMessage): void {
    switch (message.kind) {
      case 'console':
        return this.console.write(message.bytes, () => this.control.outputTaken(message.bytes.length));
      case 'vmm':
        return this.vmm.write(message.bytes, () => this.control.outputTaken(message.bytes.length));
      case 'typed':
        return this.input.feed();
      case 'handlers':
        this.handlers = message.names;
        return;
      case 'calling':
        return this.watchdog?.calling(message.what);
      case 'running':
        this.watchdog?.running();
        this.startedAt = performance.now();
        this.listen().catch((error: unknown) => this.fail(new RunFailedError(problemOf(error))));
        return this.armDeadline();
      case 'restored':
        return this.options.restored?.(message.instructions, message.console);
      case 'reloaded':
        return this.options.reloaded?.(message.text);
      case 'stopped':
        return this.console.end();
      case 'held':
        return this.watchdog?.held(message.isHeld);
      case 'gdb':
        return this.gdb?.send(message.text);
      case 'ended':
        return this.finish(message.report);
      case 'failed':
        return this.fail(new RunFailedError(message.problem));
    }
  }

  /** The time-out is for the run. What comes before it takes as long as the computer needs; the watchdog ends a module that hangs. */
  private armDeadline(): void {
    const { timeout } = this.options;
    if (timeout === undefined) return;
    // A replay says again that it runs, after each recorded call of the driver.
    this.deadline ??= setTimeout(() => this.control.requestStop(StopRequest.Timeout), timeout * 1000);
  }

  /** Kills the worker. The machine's counts are in shared memory. What extensions would report is lost. */
  private terminate(outcome: Outcome, otherwise: string): void {
    const first: Partial<Record<StopRequest, Outcome>> = {
      [StopRequest.Timeout]: 'timeout',
      [StopRequest.Interrupted]: 'interrupted',
    };
    this.isForced = true;
    const report = stuckReport(this.control, this.handlers);
    this.finish({
      outcome: first[this.control.stopRequest] ?? outcome,
      detail: report?.detail ?? otherwise,
      // A guest that wrote to the debug-exit port has ended by itself.
      machine: {
        ...this.control.counters.read(),
        debugExit: null,
        ...(report?.stuck !== undefined && { stuck: report.stuck }),
      },
      extensions: null,
      milliseconds: this.startedAt === undefined ? 0 : performance.now() - this.startedAt,
      forced: true,
    });
  }
}
