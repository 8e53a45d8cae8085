// SPDX-License-Identifier: LGPL-2.1-only
import type { Clock, EventQueue } from './devices/event_queue.js';
import { StopReason } from './layout/stop_reason.js';
import type { Sampler, TurnObserver } from './turn_observer.js';

/** Instructions of one quantum of a machine with one processor. It is small because V8 replaces its first, slow code of the interpreter only between calls. */
export const QUANTUM_INSTRUCTIONS = 100_000;

/** The same where several processors take turns: by so much, at most, one processor is ahead of another in virtual time. */
export const SHARED_QUANTUM_INSTRUCTIONS = 10_000;

/** How long PAUSE lasts, at least, where there are several processors; about as long as on the processor that the model is modelled after. */
export const PAUSE_NANOSECONDS = 100;

/** What the scheduler needs from a logical processor. */
export interface ScheduledProcessor {
  /** Executes at most that many instructions. */
  run(instructions: number): StopReason;
  /** Ends the current `run` at the next boundary at which the core checks for it. */
  requestStop(): void;
  /** Instructions executed since reset; exact between runs and inside I/O. */
  readonly instructionCount: number;
  /** Advances the processor's own clocks by nanoseconds in which it executed nothing. */
  skipTime(nanoseconds: number): void;
  /** Virtual nanoseconds of VM exits, by which the processor has advanced its own clocks. The scheduler takes them: it sets 0. */
  exitTime?: number;
  /** Halted so that no maskable interrupt can wake it. */
  readonly isHaltedForGood: boolean;
  /** Nanoseconds until the processor goes on by itself: the VMX-preemption timer, or 0 after a write that MWAIT waits for; infinite if it does not. */
  readonly wakesIn?: number;
  /** Why software stopped this processor for good, if it did. */
  readonly death: string | undefined;
}

/** Why nothing can run any more. */
export interface Death {
  readonly processor: number;
  readonly reason: string;
  /** Software asked for something that is not implemented: the processor's state says what. */
  readonly unimplemented?: true;
  /** Software halted with interrupts off. */
  readonly isHalted?: true;
}

interface Slot {
  readonly id: number;
  readonly processor: ScheduledProcessor;
  /** Nanoseconds that this processor slept. */
  slept: number;
  idle: boolean;
  /** Its last turn ended at a PAUSE. */
  pauses: boolean;
  /** The virtual time at which its turn ends; 0 while it has no turn. */
  end: number;
}

/** The state of the scheduler as plain data. */
export interface SchedulerState {
  readonly time: number;
  /** How many turns, idle times and jumps have begun; whether an idle time has. */
  readonly begun: number;
  readonly allSleep: boolean;
  /** The turn that has begun: processor and virtual end. */
  readonly plan: readonly [processor: number, end: number] | null;
  /** By processor. */
  readonly slept: readonly number[];
  readonly idle: readonly boolean[];
  readonly pauses: readonly boolean[];
}

/**
 * Runs the logical processors in turns in one thread, in virtual time: one instruction lasts one nanosecond, and when all processors
 * are idle, time jumps to the next event. The next turn is always that of the processor that is furthest behind.
 *
 * A turn is planned when it begins. If the host cuts it, the same processor goes on to the planned end. Only the guest ends it early, at an
 * exact virtual time: by HLT, PAUSE, an interrupt to another processor, or a deadline that a device sets. So the same inputs give the same run, bit
 * for bit, wherever the host stops it. A sleeping processor's clock is moved on when something wakes it.
 */
export class Scheduler implements Clock {
  /** Hear of turns and of idle times. */
  readonly observers: TurnObserver[] = [];
  /** Looks at processors on their way. */
  sampler: Sampler | undefined;
  private readonly slots: Slot[] = [];
  private events: EventQueue | undefined;
  private selected: (processor: number) => void = () => {};
  /** Whose turn has begun. */
  private inTurn: Slot | undefined;
  private running = false;
  /** Virtual time between two turns: all processors that do not sleep have reached it. */
  private time = 0;
  /** How many turns, idle times and jumps have begun. */
  private begun = 0;
  /** All processors sleep: an idle time has begun, and time has not jumped yet. */
  private allSleep = false;

  /** Adds a processor; its number is the count of those before it. */
  add(processor: ScheduledProcessor): void {
    this.slots.push({ id: this.slots.length, processor, slept: 0, idle: false, pauses: false, end: 0 });
  }

  /** Connects the timers of the devices. @param selected called with the number of the processor that runs next. */
  attach(events: EventQueue, selected: (processor: number) => void = () => {}): void {
    this.events = events;
    this.selected = selected;
  }

  /** Virtual time: of the processor whose turn it is, otherwise the time that all have reached. */
  now(): number {
    return this.inTurn === undefined ? this.time : this.timeOf(this.inTurn);
  }

  /** Nanoseconds in which a processor executed nothing, because it slept or left its guest: its virtual time minus its instructions. */
  sleptOf(processor: number): number {
    const { slept, processor: own } = this.slots[processor]!;
    return slept + (own.exitTime ?? 0);
  }

  /** The number of the present turn or idle time. It grows with each, so it names a moment between two turns. */
  get turn(): number {
    return this.begun;
  }

  /** Whether all processors sleep, as `runQuantum` has found out, and time has not jumped yet. */
  get isIdle(): boolean {
    return this.allSleep;
  }

  /** The processor whose turn has begun and not ended. */
  get processorInTurn(): number | undefined {
    const { inTurn } = this;
    return inTurn === undefined || this.timeOf(inTurn) >= inTurn.end ? undefined : inTurn.id;
  }

  /**
   * A part of an idle time passes, so that an input finds the clocks where they are on the wall. Precondition: `isIdle`.
   */
  passIdleTime(nanoseconds: number): void {
    if (!this.allSleep) throw new Error('idle time can pass only while all processors sleep');
    this.time = Math.min(this.time + nanoseconds, this.nextWake());
  }

  /** Whether a processor executes instructions now, so that what happens is its doing. */
  get isRunning(): boolean {
    return this.running;
  }

  /** A device got a deadline: a turn that would last longer ends early. */
  deadlineSet(deadline: number): void {
    const { inTurn } = this;
    if (inTurn === undefined || deadline >= inTurn.end) return;
    inTurn.end = deadline;
    if (this.running) inTurn.processor.requestStop();
  }

  /** A pin of a processor changed: it no longer sleeps, or looks whether it may sleep on. */
  wake(processor: number): void {
    const slot = this.slots[processor];
    if (slot?.idle === true) this.wakeAt(slot, this.now());
  }

  /**
   * Runs one turn of one processor or a part of it, or jumps over idle time.
   * @param idle asked before a jump, with the nanoseconds it spans (infinite if no timer is armed); false forbids it, for instance to look
   *   for console input first.
   * @param most instructions after which the host cuts the turn.
   * @returns why nothing can run any more, or undefined.
   */
  runQuantum(idle: (nanoseconds: number) => boolean, most = Infinity): Death | undefined {
    if (this.processorInTurn === undefined) this.planTurn();
    const slot = this.inTurn;
    if (slot === undefined) return this.jump(idle);
    this.selected(slot.id);
    this.running = true;
    const { instructionCount } = slot.processor;
    const from = this.timeOf(slot);
    const reason = slot.processor.run(this.lengthOf(slot, most));
    this.running = false;
    this.takeExitTime(slot);
    this.lookAt(slot, from, instructionCount);
    return this.afterRun(slot, reason);
  }

  /** The processors that do not sleep. */
  get awake(): number[] {
    return this.slots.filter(({ idle }) => !idle).map(({ id }) => id);
  }

  /** The processor that executes next if nobody names another one: the one whose turn it is, or that is furthest behind. undefined: all sleep. */
  get processorNext(): number | undefined {
    return this.processorInTurn ?? this.next()?.id;
  }

  /**
   * The owner chooses who executes next: ends the turn that has begun, and begins one of a processor. A processor that is passed over stays behind, so it is
   * next once this turn has ended. Precondition: no processor executes, and the processor does not sleep.
   */
  runNext(processor: number): void {
    const slot = this.slots[processor];
    if (slot === undefined || slot.idle)
      throw new RangeError(`processor ${processor} sleeps or is not there: it cannot be the next one`);
    if (this.inTurn !== undefined) this.endTurn(this.inTurn);
    this.takeDue();
    const wake = this.nextWake();
    // What is due before a processor that is ahead waits for those that are behind.
    this.beginTurn(slot, wake > this.timeOf(slot) ? wake : Infinity);
  }

  /** Instructions up to the end of a turn, or to where the host or a sampler looks at the processor. */
  private lengthOf(slot: Slot, most: number): number {
    const now = this.timeOf(slot);
    const left = Math.min(Math.max(slot.end - now, 1), most);
    return this.sampler === undefined ? left : Math.min(left, Math.max(this.sampler.dueAt(slot.id) - now, 1));
  }

  private takeExitTime(slot: Slot): void {
    if (slot.processor.exitTime === undefined) return;
    slot.slept += slot.processor.exitTime;
    slot.processor.exitTime = 0;
  }

  private lookAt(slot: Slot, from: number, instructions: number): void {
    const { observers, sampler } = this;
    const to = this.timeOf(slot);
    for (const each of observers) each.ran(slot.id, from, to, instructions);
    if (sampler !== undefined && to >= sampler.dueAt(slot.id)) sampler.sample(slot.id, to);
  }

  /** Plans the next turn, after what is due. If all processors sleep, it is nobody's. */
  private planTurn(): void {
    this.leaveTurn();
    const wasDue = this.takeDue();
    const first = this.next();
    if (first === undefined) {
      // The host may look for input many times in one idle time. A timer that wakes nobody begins another one: what comes in before it is not what comes in after it.
      if (!this.allSleep || wasDue) this.begun++;
      this.allSleep = true;
      return;
    }
    this.beginTurn(first, this.nextWake());
  }

  /** All that is due between two turns. @returns whether a timer was */
  private takeDue(): boolean {
    const events = this.events!;
    this.reachTimeOf(this.next());
    const wasDue = events.next() <= this.time;
    events.runDue();
    // Devices and the host may have written to a line that MWAIT watches.
    this.wakeWaiting();
    return wasDue;
  }

  private beginTurn(slot: Slot, wake: number): void {
    this.allSleep = false;
    this.begun++;
    slot.pauses = false;
    const length = this.slots.length === 1 ? QUANTUM_INSTRUCTIONS : SHARED_QUANTUM_INSTRUCTIONS;
    slot.end = Math.min(this.timeOf(slot) + length, wake);
    this.inTurn = slot;
  }

  private afterRun(slot: Slot, reason: StopReason): Death | undefined {
    const { processor } = slot;
    if (processor.death !== undefined) return dead(slot, processor.death);
    switch (reason) {
      case StopReason.Quantum:
      case StopReason.Requested:
        if (this.timeOf(slot) >= slot.end) this.endTurn(slot);
        return undefined;
      case StopReason.Pause:
        this.passTurn(slot);
        return undefined;
      case StopReason.Idle:
        slot.idle = true;
        this.endTurn(slot);
        return this.isOver() ? this.haltedForGood() : undefined;
      case StopReason.Shutdown:
        return dead(slot, 'triple fault: the processor shut down');
      case StopReason.Unimplemented:
        return {
          ...dead(slot, 'the guest asked for something that this machine does not implement'),
          unimplemented: true,
        };
      default:
        return dead(slot, `the processor core stopped with reason ${reason}, which nobody handles`);
    }
  }

  private leaveTurn(): void {
    if (this.inTurn !== undefined) this.inTurn.end = 0;
    this.inTurn = undefined;
  }

  private endTurn(slot: Slot): void {
    this.leaveTurn();
    this.reachTimeOf(this.next() ?? slot);
    // The slot's time is that of the last write of this turn that a waiting processor may have seen.
    if (this.slots.length > 1) this.wakeWaiting(this.timeOf(slot));
  }

  /**
   * PAUSE: the processor waits for another one that computes, so its clock moves on to that one's. Others that wait at a PAUSE do not count: they would
   * pass the turn to each other at each few instructions. If there is none that computes, only time can help.
   */
  private passTurn(slot: Slot): void {
    slot.pauses = true;
    const here = this.timeOf(slot);
    const other = this.nextComputing();
    const met = other === undefined ? here : this.timeOf(other) + (slot.id < other.id ? 1 : 0);
    const wanted = Math.max(met, here + PAUSE_NANOSECONDS);
    this.moveClock(slot, Math.min(wanted, Math.max(this.nextWake(), here)));
    this.endTurn(slot);
  }

  /** Whether each processor sleeps so that only another one could wake it. */
  private isOver(): boolean {
    for (const { idle, processor } of this.slots)
      if (!idle || !processor.isHaltedForGood || wakesByItself(processor)) return false;
    return true;
  }

  /** The processor that computed longest is the one that halted: the others may never have been started. */
  private haltedForGood(): Death {
    const last = this.slots.reduce((latest, slot) => (this.timeOf(slot) >= this.timeOf(latest) ? slot : latest));
    return { processor: last.id, reason: 'halted with interrupts off: nothing can wake it', isHalted: true };
  }

  /** All processors sleep: time goes on to the next event. */
  private jump(idle: (nanoseconds: number) => boolean): Death | undefined {
    if (!idle(this.nextWake() - this.time)) return undefined;
    // The question may have brought input, and with it an interrupt or an earlier deadline.
    if (this.next() !== undefined) return undefined;
    const wanted = this.nextWake();
    if (wanted === Infinity) return { processor: 0, reason: 'halted, and no device will ever interrupt it' };
    this.allSleep = false;
    this.begun++;
    this.time = Math.max(this.time, wanted);
    this.wakeWaiting();
    this.events!.runDue();
    return undefined;
  }

  /** Virtual time at which a device or a sleeping processor's own clock has something to do. */
  private nextWake(): number {
    let next = this.events!.next();
    for (const slot of this.slots) if (slot.idle) next = Math.min(next, this.ownWake(slot));
    return next;
  }

  private ownWake(slot: Slot): number {
    return this.timeOf(slot) + (slot.processor.wakesIn ?? Infinity);
  }

  /**
   * Wakes the sleeping processors that go on by themselves: those whose wait of MWAIT a write has ended, and those whose own clock has reached its
   * end.
   */
  private wakeWaiting(time = this.time): void {
    for (const slot of this.slots) if (slot.idle && this.ownWake(slot) <= time) this.wakeAt(slot, time);
  }

  private wakeAt(slot: Slot, time: number): void {
    this.moveClock(slot, time);
    slot.idle = false;
  }

  private moveClock(slot: Slot, time: number): void {
    const nanoseconds = time - this.timeOf(slot);
    if (nanoseconds <= 0) return;
    for (const each of this.observers) each.waited(slot.id, time - nanoseconds, time, slot.idle);
    slot.slept += nanoseconds;
    slot.processor.skipTime(nanoseconds);
  }

  private timeOf(slot: Slot): number {
    return slot.processor.instructionCount + this.sleptOf(slot.id);
  }

  /**
   * The processor that is furthest behind, of those at the same time the one with the lowest number. One that sleeps until a time of its own counts
   * from that time on.
   */
  private next(): Slot | undefined {
    let first: Slot | undefined;
    for (const slot of this.slots) if (!slot.idle) first = this.earlier(first, slot);
    return first;
  }

  /** The same of those that do not wait at a PAUSE. */
  private nextComputing(): Slot | undefined {
    let first: Slot | undefined;
    for (const slot of this.slots) if (!slot.idle && !slot.pauses) first = this.earlier(first, slot);
    return first;
  }

  private earlier(first: Slot | undefined, slot: Slot): Slot {
    return first === undefined || this.timeOf(slot) < this.timeOf(first) ? slot : first;
  }

  /** All processors that do not sleep have come to the time of this one. */
  private reachTimeOf(slot: Slot | undefined): void {
    if (slot !== undefined) this.time = Math.max(this.time, this.timeOf(slot));
  }

  /** What the scheduler adds to the state of the machine. */
  save(): SchedulerState {
    const { inTurn, time, begun, allSleep } = this;
    return {
      time,
      begun,
      allSleep,
      plan: inTurn === undefined ? null : [inTurn.id, inTurn.end],
      slept: this.slots.map(({ id }) => this.sleptOf(id)),
      idle: this.slots.map((slot) => slot.idle),
      pauses: this.slots.map((slot) => slot.pauses),
    };
  }

  /** @param state what `save` of a scheduler with as many processors gave. */
  restore({ time, begun, allSleep, plan, slept, idle, pauses }: SchedulerState): void {
    this.time = time;
    this.begun = begun;
    this.allSleep = allSleep;
    this.slots.forEach((slot, i) => {
      this.takeExitTime(slot);
      slot.slept = slept[i]!;
      slot.idle = idle[i]!;
      slot.pauses = pauses[i]!;
      slot.end = 0;
    });
    this.inTurn = plan === null ? undefined : this.slots[plan[0]]!;
    if (plan !== null) this.slots[plan[0]]!.end = plan[1];
  }
}

/** Whether its own clock or a write to a monitored line will end its sleep. */
function wakesByItself({ wakesIn }: ScheduledProcessor): boolean {
  return wakesIn !== undefined && wakesIn !== Infinity;
}

function dead({ id }: Slot, reason: string): Death {
  return { processor: id, reason };
}
