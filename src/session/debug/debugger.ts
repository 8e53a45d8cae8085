// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { DebuggerStop, WantedStops } from '../../machine/debug/debugger_stop.js';
import type { Pc } from '../../machine/pc.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import { exitReasons } from '../../machine/processor/processor_counters.js';
import { EXITS_REMEMBERED } from '../../machine/processor/exit_history.js';
import type { StopPoint } from '../machine_session.js';
import { isSameRun, KnownPoints, markOf, type RunMark } from './run_mark.js';
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
  /** Of a run that goes back: it has been there, and comes by there when it is executed again. */
  private readonly known = new KnownPoints();
  /** How the run that was executed again differs from what it was. */
  private difference: string | undefined;
  private hasWarned = false;

  /** @param pause called between slices, so that others get their turn. It returns true to interrupt the run. */
  constructor(
    private readonly run: DebuggedRun,
    private readonly pause: () => Promise<boolean>,
  ) {}

  private get pc(): Pc {
    return this.run.session.pc;
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

  /** What people must know of the answers since the last call. They are told once: all later answers are as doubtful. */
  takeWarning(): string | undefined {
    if (this.hasWarned) return undefined;
    this.hasWarned = this.difference !== undefined;
    return this.difference;
  }

  /** Runs on until something is met. */
  async resume(): Promise<Stopped> {
    const stopped = await this.forward(this.stops);
    this.note();
    return stopped;
  }

  /** Runs the whole machine on its schedule until a processor has executed one instruction, or something is met. */
  async step(processor: number): Promise<Stopped> {
    const each = this.pc.processors[processor]!;
    const before = each.exitsHandled;
    const count = each.instructionCount + 1;
    const stopped = await this.forward(this.stops, { kind: 'processor', processor, count });
    this.note();
    if (stopped.kind !== 'arrived') return stopped;
    const exits = Math.min((each.exitsHandled - before) | 0, EXITS_REMEMBERED);
    return { kind: 'stepped', processor, exits: exits === 0 ? [] : each.history.last().slice(-exits) };
  }

  /** Runs or goes back to where so many instructions of all processors have retired. */
  async goTo(instructions: number): Promise<Stopped> {
    if (instructions < this.pc.instructions && !(await this.goBackBefore(instructions + 1))) return { kind: 'begin' };
    const stopped = await this.forward(NONE, { kind: 'instruction', count: instructions });
    this.note();
    return stopped;
  }

  /** Where the run is, for `comeBack`. */
  get place(): RunMark {
    return markOf(this.pc);
  }

  /** Comes back to a place, also to one behind VM exits that took no instruction. Precondition: `canReverse`. */
  async comeBack({ instructions, exits }: RunMark): Promise<void> {
    await this.goTo(instructions);
    while (this.pc.exitCount < exits) {
      const stopped = await this.forward(EACH_EXIT, { kind: 'instruction', count: instructions + 1 });
      if (stopped.kind !== 'met') return;
    }
  }

  /** Goes back to the last stop before the present point. Precondition: `canReverse`. */
  async reverse(): Promise<Stopped> {
    for (let limit = markOf(this.pc); ;) {
      if (!(await this.goBackBefore(limit.instructions))) return this.toBegin(limit.instructions);
      const from = markOf(this.pc);
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
    for (let limit = this.pc.instructions + 1; await this.goBackBefore(limit);) {
      const from = this.pc.instructions;
      const stopped = await this.forward(NONE, { kind: 'instruction', count: limit + 1 });
      if (this.difference !== undefined) throw new BareflankError(this.difference);
      if (isDone() || stopped.kind === 'interrupted') return;
      limit = from;
    }
  }

  /** Goes back to where a processor has not executed its last instruction yet. Precondition: `canReverse`. */
  async reverseStep(processor: number): Promise<Stopped> {
    const each = this.pc.processors[processor]!;
    const count = each.instructionCount - 1;
    for (let limit = this.pc.instructions; ; limit = this.pc.instructions) {
      if (!(await this.goBackBefore(limit))) return this.toBegin(limit);
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

  /** Goes to the last checkpoint before so many instructions, if there is one. What was there and here is known. */
  private async goBackBefore(instructions: number): Promise<boolean> {
    this.note();
    const goes = await this.run.goBackBefore!(instructions);
    if (goes) this.note();
    return goes;
  }

  private note(): void {
    if (this.canReverse && this.difference === undefined) this.known.add(markOf(this.pc));
  }

  /** The next point that is known, if it comes before the wanted one or there; or else the wanted one. */
  private nextPoint(wanted: StopPoint | undefined): StopPoint | undefined {
    const known = this.difference === undefined ? this.known.after(this.pc.instructions) : undefined;
    return known !== undefined && isOnTheWay(known, wanted)
      ? { kind: 'instruction', count: known.instructions }
      : wanted;
  }

  /** The run is perhaps at a point that is known. @param hasArrived its last instruction has just retired */
  private compare(hasArrived: boolean): void {
    if (this.difference !== undefined) return;
    const points = this.known.at(this.pc.instructions);
    if (points.length === 0) return;
    const here = markOf(this.pc);
    if (points.every((point) => isSameRun(here, point, hasArrived))) return;
    this.differs(`at instruction ${here.instructions} its registers or VM exits are other ones`);
  }

  /** A run that has ended has come by all points that are known. */
  private ended(end: SliceEnd): void {
    const { instructions } = this.pc;
    const passed = this.known.after(instructions);
    if (passed === undefined || end === SliceEnd.Attention || this.difference !== undefined) return;
    this.differs(`it ended at instruction ${instructions}, and had passed ${passed.instructions}`);
  }

  private differs(how: string): void {
    this.difference = `the run went another way when it was executed again: ${how}; an extension may keep state in variables of its module, which are not brought back: use @state() fields`;
  }

  /** No checkpoint is before so many instructions: there the recording begins, which may be after a snapshot. */
  private async toBegin(instructions: number): Promise<Stopped> {
    await this.goBackBefore(instructions + 1);
    return { kind: 'begin' };
  }

  /** @param passes whether the breakpoint at the present point does not count: the run has stopped there */
  private async forward(stops: WantedStops, stopAt?: StopPoint, passes = true): Promise<Stopped> {
    const { session } = this.run;
    const { pc } = this;
    pc.stops.set(stops);
    if (passes) pc.stops.pass();
    session.stopAt = this.nextPoint(stopAt);
    try {
      for (;;) {
        const end = await this.run.advance(pc.virtualTime + SLICE);
        if (end === SliceEnd.DebuggerStop) {
          this.compare(false);
          return { kind: 'met', stop: pc.stops.take()! };
        }
        if (end === SliceEnd.PointReached) {
          if (session.stopAt === stopAt) return { kind: 'arrived' };
          this.compare(true);
          session.stopAt = this.nextPoint(stopAt);
          continue;
        }
        if (!goesOn.has(end)) {
          this.ended(end);
          return { kind: 'end', end };
        }
        if (await this.pause()) return { kind: 'interrupted' };
      }
    } finally {
      session.stopAt = undefined;
    }
  }

  /** Runs from a checkpoint up to a point. @returns the last stop on the way; undefined for none */
  private async lastBefore(limit: RunMark): Promise<Found | 'interrupted' | undefined> {
    const { instructions: last, exits: lastExit } = limit;
    let found: Found | undefined;
    for (let earlier = 0; ; earlier++) {
      // VM exits without an instruction may come before the limit.
      const stopped = await this.forward(this.stops, { kind: 'instruction', count: last + 1 }, earlier > 0);
      if (stopped.kind === 'interrupted') return 'interrupted';
      if (stopped.kind !== 'met') return found;
      const { stop } = stopped;
      const { instructions, exitCount: exits } = this.pc;
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
    await this.goBackBefore(limit);
    for (let met = 0; ; met++) {
      const stopped = await this.forward(this.stops, { kind: 'instruction', count: limit }, met > 0);
      if (stopped.kind !== 'met' || met === earlier) return stopped;
    }
  }
}

/** Whether a point comes before another one in the run, or is the same. */
function isOnTheWay(mark: RunMark, stopAt: StopPoint | undefined): boolean {
  switch (stopAt?.kind) {
    case undefined:
      return true;
    case 'instruction':
      return mark.instructions <= stopAt.count;
    case 'processor':
      return mark.counts[stopAt.processor]! <= stopAt.count;
    default:
      return false;
  }
}

const NONE: WantedStops = { breakpoints: [], watchpoints: [], exits: [] };
const EACH_EXIT: WantedStops = { ...NONE, exits: Array.from({ length: exitReasons }, (_, reason) => reason) };

const isAccess = ({ kind }: DebuggerStop): boolean => kind === 'access' || kind === 'structure' || kind === 'machine';
