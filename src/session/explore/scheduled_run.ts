// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import type { Moment } from '../../machine/moment.js';
import type { PcEnd } from '../../machine/pc.js';
import { printable } from '../printable.js';
import { ObservedRun, type ExploredTarget } from './observed_run.js';
import type { Predicate } from './predicate.js';
import { PredicateError } from './predicate_error.js';
import type { Deviation, Schedule } from './schedule.js';

/** How a run ended: the predicate held, the machine died, the guest ended by itself, or the bound was reached. */
export type RunEnd = 'found' | 'dead' | 'ended' | 'bound';

/** A deviation that a run took. */
export interface TakenDeviation extends Deviation {
  /** The processor that would have executed. */
  readonly passedOver: number;
  /** Its RIP. */
  readonly rip: bigint;
  /** The VM exit after which it was passed over, as in "cpuid"; undefined: there was a write, or its turn had ended. */
  readonly exit: string | undefined;
  /** The physical address of a watched write after which it was passed over. */
  readonly write?: bigint;
  readonly at: Moment;
}

/** What a run under a schedule has shown. */
export interface ScheduledResult {
  readonly end: RunEnd;
  /** What the predicate says, or how the machine ended. */
  readonly detail: string;
  readonly taken: readonly TakenDeviation[];
  readonly decisions: number;
  /** How many ways there are to deviate once more, behind the last deviation. */
  readonly alternatives: number;
  /** Since the moment at which it began. */
  readonly instructions: number;
}

/** A run to be tried. */
export interface ScheduledTry {
  readonly schedule: Schedule;
  /** Deviate once more: of all ways behind the last deviation, take this one. */
  readonly further?: number | undefined;
}

/** Physical memory: each write of a processor there is a decision. */
export interface WatchedBytes {
  readonly address: bigint;
  readonly bytes: number;
}

/** Sees a run go by. */
export interface RunObserver {
  /** A deviation is taken now. */
  deviated(deviation: TakenDeviation): void;
  /** The run has ended; the machine is where it ended. @param isByHost the machine could have run on, and is at a moment */
  ended(end: RunEnd, isByHost: boolean): void;
}

/** Runs a machine from one moment on under one schedule after the other. */
export class ScheduledRun {
  private readonly observed: ObservedRun;
  private readonly before: (Int32Array | undefined)[];
  private schedule: Schedule = [];
  private further: number | undefined;
  private observer: RunObserver | undefined;
  /** Deviations of the schedule that were taken. */
  private place = 0;
  private taken: TakenDeviation[] = [];
  private decisions = 0;
  private alternatives = 0;

  /**
   * @param most instructions of a run, of all processors together. A turn without any counts as one, so a run ends in any case.
   * @param watched memory, behind writes to which another processor may execute next
   * @throws BareflankError for too much of it, or for memory that does not exist
   */
  constructor(
    private readonly target: ExploredTarget,
    private readonly predicate: Predicate,
    private readonly most: number,
    private readonly watched: readonly WatchedBytes[] = [],
  ) {
    this.observed = new ObservedRun(target);
    const { processors, stops } = target.pc;
    const watchpoints = watched.map((bytes) => ({ ...bytes, space: 'physical', access: 'write' }) as const);
    if (watched.length > 0) stops.set({ breakpoints: [], watchpoints, exits: [] });
    this.before = processors.map(({ attention }) => attention);
    // With a word that asks for attention, a turn is cut at each VM exit.
    for (const processor of processors) processor.attention = Int32Array.of(1);
  }

  /** The machine is its owner's again. */
  [Symbol.dispose](): void {
    if (this.watched.length > 0) this.target.pc.stops.clear();
    this.target.pc.processors.forEach((processor, i) => (processor.attention = this.before[i]));
  }

  /** Goes back to the moment, and runs. */
  run({ schedule, further }: ScheduledTry, observer?: RunObserver): ScheduledResult {
    const { target } = this;
    target.reset();
    target.driver.takeOutput();
    Object.assign(this, { schedule, further, observer, place: 0, taken: [], decisions: 0, alternatives: 0 });
    this.observed.begin();
    const first = target.pc.instructions;
    const { end, detail } = this.toEnd(first);
    observer?.ended(end, this.observed.machine.end === undefined);
    const { taken, decisions, alternatives } = this;
    return { end, detail, taken, decisions, alternatives, instructions: target.pc.instructions - first };
  }

  private toEnd(first: number): Pick<ScheduledResult, 'end' | 'detail'> {
    const { pc } = this.target;
    for (let turns = 0; ; turns++) {
      const write = this.watched.length > 0 ? this.takeWrite() : undefined;
      const at = pc.moment;
      if (at === undefined && write !== undefined) this.decide(pc.momentWithin!, write);
      else if (at !== undefined) {
        const found = this.found();
        if (found !== undefined) return { end: 'found', detail: found };
        if (pc.instructions - first + turns >= this.most) return { end: 'bound', detail: '' };
        this.decide(at);
      }
      const end = pc.runQuantum(() => true);
      if (end !== undefined) return this.endedBy(end);
    }
  }

  private endedBy(end: PcEnd): Pick<ScheduledResult, 'end' | 'detail'> {
    this.observed.ended(end);
    const found = this.found();
    if (found !== undefined) return { end: 'found', detail: found };
    return { end: end.kind === 'dead' && end.isHalted !== true ? 'dead' : 'ended', detail: end.detail };
  }

  /** What the predicate has found. @throws PredicateError */
  private found(): string | undefined {
    const answer = this.answer();
    if (answer === true) return 'the predicate holds';
    if (answer === false || answer === '') return undefined;
    if (typeof answer === 'string') return printable(answer);
    const found = answer instanceof Promise ? 'a Promise' : typeof answer === 'number' ? `${answer}` : typeof answer;
    const expected = 'true or what was found, in words; false or an empty text if it does not hold';
    throw new PredicateError(`the predicate returned ${found}: it must return ${expected}`, {
      details: { found, expected },
    });
  }

  /** @throws PredicateError */
  private answer(): unknown {
    try {
      return this.predicate(this.observed);
    } catch (error) {
      const what = error instanceof Error ? `${error.name}: ${error.message}` : `${typeof error}`;
      throw new PredicateError(`the predicate threw ${what}`, { causedBy: error });
    }
  }

  /** The address of the watched write behind which the machine has stopped. */
  private takeWrite(): bigint | undefined {
    const { pc } = this.target;
    const stop = pc.stops.take();
    // What the VMM, a device or a page walk has written is no decision, and neither is the middle of a repeated string instruction, which no count of instructions names.
    if (stop?.kind !== 'access' || pc.processors[stop.processor]!.core.block.get('RIP') === stop.rip) return undefined;
    return stop.address;
  }

  /** @param write the address of the write after which this is, if it is within a turn */
  private decide(at: Moment, write?: bigint): void {
    const { pc } = this.target;
    const { awake, processorNext: usual } = pc.scheduler;
    if (awake.length < 2 || usual === undefined) return;
    const decision = this.decisions++;
    const processor = this.choice(
      decision,
      awake.filter((each) => each !== usual),
    );
    if (processor === undefined) return;
    const place = { ...this.placeOf(usual, at), ...(write !== undefined && { write }), at };
    const deviation = { decision, processor, passedOver: usual, ...place };
    this.taken.push(deviation);
    this.observer?.deviated(deviation);
    pc.runNext(processor);
  }

  private placeOf(id: number, { exit }: Moment): Pick<TakenDeviation, 'rip' | 'exit'> {
    const { core, history } = this.target.pc.processors[id]!;
    const last = exit === undefined ? undefined : history.last().at(-1);
    return { rip: core.block.get('RIP'), exit: last && exitReasonName(last.reason) };
  }

  /** @param others the processors that the scheduler would not take */
  private choice(decision: number, others: readonly number[]): number | undefined {
    const planned = this.schedule[this.place];
    if (planned !== undefined) {
      if (planned.decision !== decision) return undefined;
      this.place++;
      return others.includes(planned.processor) ? planned.processor : undefined;
    }
    const { further } = this;
    if (further === undefined) {
      this.alternatives += others.length;
      return undefined;
    }
    this.further = further < others.length ? undefined : further - others.length;
    return others[further];
  }
}
