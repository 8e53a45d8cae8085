// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { DebuggerStop, WantedStops } from '../../machine/debug/debugger_stop.js';
import type { Pc } from '../../machine/pc.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import { EXITS_REMEMBERED } from '../../machine/processor/exit_history.js';
import type { StopPoint } from '../machine_session.js';
import { SliceEnd } from '../session_ports.js';
import type { DebuggedRun } from './debugged_run.js';

/** Nanoseconds of virtual time between two looks whether somebody wants to interrupt. */
const SLICE = 2_000_000;

/** Why a run that a debugger drives stopped. */
export type Stopped =
  /** It met a breakpoint, a watchpoint or a VM exit. */
  | { readonly kind: 'met'; readonly stop: DebuggerStop }
  /** A processor has executed one instruction, with these VM exits on the way; or it is where it was before one. */
  | { readonly kind: 'stepped'; readonly processor: number; readonly exits: readonly RememberedExit[] }
  /** It is at the instruction that was wanted. */
  | { readonly kind: 'arrived' }
  | { readonly kind: 'interrupted' }
  /** It cannot go back any further: here the recording begins. */
  | { readonly kind: 'begin' }
  /** It cannot go on: why the last slice ended. */
  | { readonly kind: 'end'; readonly end: SliceEnd };

/** A stop on the way back: where to find it again. */
interface Found {
  readonly stop: DebuggerStop;
  readonly instructions: number;
  /** Stops that come before it on the way from its checkpoint. */
  readonly earlier: number;
}

/** A point of a run: what came before it counts. */
interface Limit {
  readonly instructions: number;
  /** VM exits that the VMM has handled, or handles. */
  readonly exits: number;
}

/** Ends of a slice at which the run goes on. */
const goesOn: ReadonlySet<SliceEnd> = new Set([SliceEnd.Time, SliceEnd.Idle, SliceEnd.CallDue, SliceEnd.LateStartDue]);

/**
 * Drives a run by breakpoints, watchpoints and steps, back too if the run is recorded. To go back, it goes to a checkpoint and executes the run again,
 * with the same stops: the last one before the present point is the one wanted.
 *
 * On the way back a breakpoint stops where it does on the way forward. A watchpoint stops before the instruction that made the access, so that a write
 * has not happened yet.
 */
export class Debugger {
  /** What `resume` and `reverse` stop at. */
  stops: WantedStops = { breakpoints: [], watchpoints: [], exits: [] };

  /** @param pause called between slices, so that others get their turn. It returns true to interrupt the run. */
  constructor(
    private readonly run: DebuggedRun,
    private readonly pause: () => Promise<boolean>,
  ) {}

  private get pc(): Pc {
    return this.run.session.pc;
  }

  private get here(): Limit {
    const { instructions, exitCount: exits } = this.pc;
    return { instructions, exits };
  }

  /** Whether the run can be brought back. */
  get canReverse(): boolean {
    return this.run.goBackBefore !== undefined;
  }

  /** The processor that executed last, or does next: the first one if none has executed yet. */
  get processor(): number {
    const { scheduler, instructions, stops } = this.pc;
    return scheduler.processorInTurn ?? (instructions === 0 ? 0 : stops.processor);
  }

  /** Runs on until something is met. */
  async resume(): Promise<Stopped> {
    return this.forward(this.stops);
  }

  /** Runs the whole machine on its schedule until a processor has executed one instruction, or something is met. */
  async step(processor: number): Promise<Stopped> {
    const each = this.pc.processors[processor]!;
    const before = each.exitsHandled;
    const count = each.instructionCount + 1;
    const stopped = await this.forward(this.stops, { kind: 'processor', processor, count });
    if (stopped.kind !== 'arrived') return stopped;
    const exits = Math.min((each.exitsHandled - before) | 0, EXITS_REMEMBERED);
    return { kind: 'stepped', processor, exits: exits === 0 ? [] : each.history.last().slice(-exits) };
  }

  /** Runs or goes back to where so many instructions of all processors have retired. */
  async goTo(instructions: number): Promise<Stopped> {
    if (instructions < this.pc.instructions && !(await this.run.goBackBefore!(instructions + 1)))
      return { kind: 'begin' };
    return this.forward(NONE, { kind: 'instruction', count: instructions });
  }

  /** Goes back to the last stop before the present point. Precondition: `canReverse`. */
  async reverse(): Promise<Stopped> {
    for (let limit = this.here; ;) {
      if (!(await this.run.goBackBefore!(limit.instructions))) return this.toBegin(limit.instructions);
      const from = this.here;
      const found = await this.lastBefore(limit);
      if (found === 'interrupted' || (found === undefined && (await this.pause()))) return { kind: 'interrupted' };
      if (found !== undefined) return this.backTo(found, limit.instructions);
      limit = from;
    }
  }

  /**
   * Goes back, and runs what comes before the present point again for somebody who looks on: the last stretch between two checkpoints first, then the one
   * before it. Each stretch is run one instruction too far, because VM exits without an instruction may come before its end. Precondition: `canReverse`.
   *
   * @param isDone asked behind each stretch
   * @throws BareflankError if the run went another way this time
   */
  async runAgain(isDone: () => boolean): Promise<void> {
    const last = this.pc.instructions;
    for (let limit = last + 1; await this.run.goBackBefore!(limit);) {
      const from = this.pc.instructions;
      const stopped = await this.forward(NONE, { kind: 'instruction', count: limit + 1 });
      if (stopped.kind === 'end') this.checkEnd(Math.min(limit, last));
      if (isDone() || stopped.kind === 'interrupted') return;
      limit = from;
    }
  }

  /** An end before a point that the run has passed shows that something has kept its state on the way back. */
  private checkEnd(passed: number): void {
    const { instructions } = this.pc;
    if (instructions >= passed) return;
    throw new BareflankError(
      `the run went another way when it was executed again: it ended at instruction ${instructions}, and had passed ${passed}; an extension may keep state in variables of its module, which are not brought back: use @state() fields`,
    );
  }

  /** Goes back to where a processor has not executed its last instruction yet. Precondition: `canReverse`. */
  async reverseStep(processor: number): Promise<Stopped> {
    const each = this.pc.processors[processor]!;
    const count = each.instructionCount - 1;
    for (let limit = this.pc.instructions; ; limit = this.pc.instructions) {
      if (!(await this.run.goBackBefore!(limit))) return this.toBegin(limit);
      if (each.instructionCount <= count) break;
    }
    const first = await this.forward(NONE, { kind: 'processor', processor, count });
    // Others may have had their turns before the instruction.
    const stopped = first.kind === 'arrived' ? await this.forward(NONE, { kind: 'turn', processor }) : first;
    return stopped.kind === 'arrived' ? { kind: 'stepped', processor, exits: [] } : stopped;
  }

  /** The debugger leaves the run, which meets nothing from now on. */
  detach(): void {
    this.stops = NONE;
    this.pc.stops.clear();
  }

  /** No checkpoint is before so many instructions: there the recording begins, which may be after a snapshot. */
  private async toBegin(instructions: number): Promise<Stopped> {
    await this.run.goBackBefore!(instructions + 1);
    return { kind: 'begin' };
  }

  /** @param passes whether the breakpoint at the present point does not count: the run has stopped there */
  private async forward(stops: WantedStops, stopAt?: StopPoint, passes = true): Promise<Stopped> {
    const { session } = this.run;
    const { pc } = this;
    pc.stops.set(stops);
    if (passes) pc.stops.pass();
    session.stopAt = stopAt;
    try {
      for (;;) {
        const end = await this.run.advance(pc.virtualTime + SLICE);
        if (end === SliceEnd.DebuggerStop) return { kind: 'met', stop: pc.stops.take()! };
        if (end === SliceEnd.PointReached) return { kind: 'arrived' };
        if (!goesOn.has(end)) return { kind: 'end', end };
        if (await this.pause()) return { kind: 'interrupted' };
      }
    } finally {
      session.stopAt = undefined;
    }
  }

  /** Runs from a checkpoint up to a point. @returns the last stop on the way; undefined for none */
  private async lastBefore(limit: Limit): Promise<Found | 'interrupted' | undefined> {
    const { instructions: last, exits: lastExit } = limit;
    let found: Found | undefined;
    for (let earlier = 0; ; earlier++) {
      // VM exits without an instruction may come before the limit.
      const stopped = await this.forward(this.stops, { kind: 'instruction', count: last + 1 }, earlier > 0);
      if (stopped.kind === 'interrupted') return 'interrupted';
      if (stopped.kind !== 'met') return found;
      const { stop } = stopped;
      const { instructions, exits } = this.here;
      // Behind the last instruction before the present point, a write of it is met.
      const isBefore = instructions < last || (instructions === last && exits <= lastExit && isAccess(stop));
      if (isBefore) found = { stop, instructions, earlier };
    }
  }

  /** Goes back to a stop that was found between a checkpoint and a count of instructions. */
  private async backTo({ stop, instructions, earlier }: Found, limit: number): Promise<Stopped> {
    if (isAccess(stop)) {
      const stopped = await this.goTo(Math.max(instructions - 1, 0));
      return stopped.kind === 'arrived' ? { kind: 'met', stop } : stopped;
    }
    await this.run.goBackBefore!(limit);
    for (let met = 0; ; met++) {
      const stopped = await this.forward(this.stops, { kind: 'instruction', count: limit }, met > 0);
      if (stopped.kind !== 'met' || met === earlier) return stopped;
    }
  }
}

const NONE: WantedStops = { breakpoints: [], watchpoints: [], exits: [] };

const isAccess = ({ kind }: DebuggerStop): boolean => kind === 'access' || kind === 'structure' || kind === 'machine';
