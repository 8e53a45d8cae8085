// SPDX-License-Identifier: LGPL-2.1-only
import { hangingHandler } from './hanging_handler.js';
import type { RunControl } from './run_control.js';

/** How often the watchdog checks. */
const LOOK_MILLISECONDS = 100;
/** How long one exit handler may take. */
const HANDLER_MILLISECONDS = 2000;
/** How long modules may take to load, VMM and extensions to start, to report and to end. */
const CALL_MILLISECONDS = 10000;
/** How long the machine may take for a quantum without a VM exit. Only a starved computer takes that long. */
const QUANTUM_MILLISECONDS = 20000;

/** What a watchdog needs besides the shared words. */
export interface WatchdogOptions {
  /** Names of the handlers, by the number in the shared word. */
  readonly handlers: () => readonly string[];
  /** Called once, with what did not return. */
  readonly onHang: (what: string) => void;
  /** Whether a debugger holds the worker: then it is not late. Asked before a hang is told. */
  readonly isHeld?: (() => Promise<boolean>) | undefined;
  /** Milliseconds that a call outside VM exits may take. The default is 10000. */
  readonly callPatience?: number | undefined;
}

/**
 * Watches a machine's worker from another thread. It counts VM exits that return. Any number of slow handlers is fine; a handler that does
 * not return is a fault. It also watches what the worker calls outside exits, and quanta while a guest runs.
 */
export class Watchdog {
  private readonly timer: NodeJS.Timeout;
  /** Set while the guest runs and each quantum has to end. */
  private watchesQuanta = false;
  private call: string | undefined;
  private lastSign = '';
  /** How long the worker has shown no sign of life. Counted in checks, so that a computer that slept does not count. */
  private stillMilliseconds = 0;
  /** It waits for the answer whether a debugger holds the worker. */
  private isAsking = false;
  private isStopped = false;

  constructor(
    private readonly control: RunControl,
    private readonly options: WatchdogOptions,
  ) {
    this.timer = setInterval(() => this.look(), LOOK_MILLISECONDS);
  }

  /** The worker calls code of the VMM or of extensions, outside VM exits and quanta; undefined: the call has returned. */
  calling(what: string | undefined): void {
    this.call = what;
    this.stillMilliseconds = 0;
  }

  /** What the worker calls outside VM exits and quanta. */
  get underWay(): string | undefined {
    return this.call;
  }

  /** From now on each quantum has to end. */
  running(): void {
    this.call = undefined;
    this.watchesQuanta = true;
  }

  /** A debugger holds the machine: no quantum runs. Or it lets the machine go on. */
  held(isHeld: boolean): void {
    this.watchesQuanta = !isHeld;
    this.stillMilliseconds = 0;
  }

  stop(): void {
    this.isStopped = true;
    clearInterval(this.timer);
  }

  /** Changes whenever the worker shows a sign of life. */
  private get sign(): string {
    const { heartbeat, counters } = this.control;
    return `${heartbeat} ${counters.totalExits}`;
  }

  private look(): void {
    if (this.isAsking) return;
    const { sign } = this;
    const patience = this.patience();
    const isStill = sign === this.lastSign && patience !== undefined;
    this.lastSign = sign;
    this.stillMilliseconds = isStill ? this.stillMilliseconds + LOOK_MILLISECONDS : 0;
    if (patience === undefined || this.stillMilliseconds < patience) return;
    if (this.options.isHeld === undefined) this.tellHang();
    else void this.askDebugger(this.options.isHeld);
  }

  /** A worker that has gone on meanwhile is not late either. */
  private async askDebugger(isHeld: () => Promise<boolean>): Promise<void> {
    this.isAsking = true;
    const before = this.lastSign;
    const held = await isHeld();
    this.isAsking = false;
    if (held || this.sign !== before) this.stillMilliseconds = 0;
    else if (!this.isStopped) this.tellHang();
  }

  private tellHang(): void {
    this.stop();
    this.options.onHang(this.culprit());
  }

  /** The limit in milliseconds for what the worker does now; undefined if nothing must be watched. */
  private patience(): number | undefined {
    if (this.control.exitReason !== 0) return HANDLER_MILLISECONDS;
    if (this.call !== undefined) return this.options.callPatience ?? CALL_MILLISECONDS;
    return this.watchesQuanta ? QUANTUM_MILLISECONDS : undefined;
  }

  private culprit(): string {
    const handler = hangingHandler(this.control, this.options.handlers());
    return handler ?? (this.call === undefined ? 'no quantum ended' : `${this.call} did not come to its end`);
  }
}
