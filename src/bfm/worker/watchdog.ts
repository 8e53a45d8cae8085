// SPDX-License-Identifier: LGPL-2.1-only
import { hangingHandler } from './hanging_handler.js';
import type { RunControl } from './run_control.js';

/** How often the watchdog looks. */
const LOOK_MILLISECONDS = 100;
/** How long one exit handler may take. */
const HANDLER_MILLISECONDS = 2000;
/** How long modules may take to load, VMM and extensions to start, to report and to end. */
const CALL_MILLISECONDS = 10000;
/** How long the machine may take for a quantum without a VM exit, which only a starved computer explains. */
const QUANTUM_MILLISECONDS = 20000;

/** What a watchdog has to know beside the shared words. */
export interface WatchdogOptions {
  /** Names of the handlers, by the number in the shared word. */
  readonly handlers: () => readonly string[];
  /** Called once, with what did not return. */
  readonly onHang: (what: string) => void;
  /** Milliseconds that a call outside VM exits may take; 10000 if it is not given. */
  readonly callPatience?: number | undefined;
}

/**
 * Watches a machine's worker from another thread. It counts VM exits that return: any number of slow handlers is no fault, one that does
 * not return is. It also watches what the worker calls outside exits, and quanta while a guest runs.
 */
export class Watchdog {
  private readonly timer: NodeJS.Timeout;
  /** Set while the guest runs and each quantum has to end. */
  private watchesQuanta = false;
  private call: string | undefined;
  private lastSign = '';
  /** How long the worker has shown no sign of life. Counted in looks: a computer that slept is no fault of the worker's. */
  private stillMilliseconds = 0;

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

  /** From now on each quantum has to end. */
  running(): void {
    this.call = undefined;
    this.watchesQuanta = true;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { control } = this;
    const sign = `${control.heartbeat} ${control.counters.totalExits}`;
    const patience = this.patience();
    const isStill = sign === this.lastSign && patience !== undefined;
    this.lastSign = sign;
    this.stillMilliseconds = isStill ? this.stillMilliseconds + LOOK_MILLISECONDS : 0;
    if (patience === undefined || this.stillMilliseconds < patience) return;
    this.stop();
    this.options.onHang(this.culprit());
  }

  /** Milliseconds, by what the worker does now; undefined if nothing is to be watched. */
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
