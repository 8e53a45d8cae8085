// SPDX-License-Identifier: LGPL-2.1-only
import type { Clock, EventQueue } from './devices/event_queue.js';
import { StopReason } from './layout/stop_reason.js';

/** Instructions of one quantum. It is small because V8 replaces its first, slow code of the interpreter only between calls. */
export const QUANTUM_INSTRUCTIONS = 100_000;

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
  readonly processor: ScheduledProcessor;
  /** Nanoseconds that this processor slept. */
  slept: number;
  idle: boolean;
}

/**
 * Runs the logical processors round-robin in one thread, in virtual time: one instruction lasts one nanosecond, and when all processors
 * are idle, time jumps to the next event. It always goes on with the processor that is furthest behind, so the same inputs give the same
 * run, bit for bit.
 */
export class Scheduler implements Clock {
  private readonly slots: Slot[] = [];
  private events: EventQueue | undefined;
  private current: Slot | undefined;
  /** Virtual time at which the quantum under way ends. */
  private quantumEnd = 0;

  /** Adds a processor; its number is the count of those before it. */
  add(processor: ScheduledProcessor): void {
    this.slots.push({ processor, slept: 0, idle: false });
  }

  /** Connects the timers of the devices. */
  attach(events: EventQueue): void {
    this.events = events;
  }

  /** Virtual time: of the processor that is running, otherwise of the one that is furthest behind. */
  now(): number {
    return this.timeOf(this.current ?? this.next());
  }

  /** The number of the processor that is running; 0 between quanta. */
  get currentProcessor(): number {
    return this.current === undefined ? 0 : this.slots.indexOf(this.current);
  }

  /** A device got a deadline: a quantum that would last longer ends early. */
  deadlineSet(deadline: number): void {
    if (deadline >= this.quantumEnd || this.current === undefined) return;
    this.quantumEnd = deadline;
    this.current.processor.requestStop();
  }

  /** An interrupt line of a processor changed: the scheduler must check whether the processor still sleeps. */
  wake(processor: number): void {
    const slot = this.slots[processor];
    if (slot !== undefined) slot.idle = false;
  }

  /**
   * Runs one quantum of one processor, or jumps over idle time.
   * @param idle asked before a jump, with the nanoseconds it spans (infinite if no timer is armed); false forbids it, for instance to look
   *   for console input first.
   * @returns why nothing can run any more, or undefined.
   */
  runQuantum(idle: (nanoseconds: number) => boolean): Death | undefined {
    const events = this.events!;
    events.runDue();
    const slot = this.next();
    if (slot.idle && this.wakesIn(slot) > 0) return this.jump(slot, idle);
    slot.idle = false;
    const start = this.timeOf(slot);
    this.quantumEnd = Math.min(start + QUANTUM_INSTRUCTIONS, events.next());
    this.current = slot;
    const reason = slot.processor.run(Math.max(this.quantumEnd - start, 1));
    this.current = undefined;
    return this.afterRun(slot, reason);
  }

  private afterRun(slot: Slot, reason: StopReason): Death | undefined {
    const { processor } = slot;
    const dead = (why: string): Death => ({ processor: this.slots.indexOf(slot), reason: why });
    if (processor.death !== undefined) return dead(processor.death);
    switch (reason) {
      case StopReason.Quantum:
      case StopReason.Requested:
        return undefined;
      case StopReason.Idle:
        if (processor.isHaltedForGood && this.wakesIn(slot) === Infinity && this.slots.length === 1)
          return { ...dead('halted with interrupts off: nothing can wake it'), isHalted: true };
        slot.idle = true;
        return undefined;
      case StopReason.Shutdown:
        return dead('triple fault: the processor shut down');
      case StopReason.Unimplemented:
        return { ...dead('the guest asked for something that this machine does not implement'), unimplemented: true };
      default:
        return dead(`the processor core stopped with reason ${reason}, which nobody handles`);
    }
  }

  /** All processors sleep (the one furthest behind does, and those ahead of it wait for time to catch up). */
  private jump(slot: Slot, idle: (nanoseconds: number) => boolean): Death | undefined {
    const others = this.slots.filter((other) => other !== slot && !other.idle).map((other) => this.timeOf(other));
    if (others.length === 0 && !idle(this.nextWake() - this.timeOf(slot))) return undefined;
    // The question may have brought input, and with it an interrupt or an earlier deadline.
    if (!slot.idle) return undefined;
    const wanted = Math.min(this.nextWake(), ...others);
    if (wanted === Infinity) {
      return { processor: this.slots.indexOf(slot), reason: 'halted, and no device will ever interrupt it' };
    }
    for (const sleeper of others.length === 0 ? this.slots : [slot]) this.sleepUntil(sleeper, wanted);
    slot.idle = others.length > 0;
    return undefined;
  }

  /** Virtual time at which a device or a sleeping processor's own clock has something to do. */
  private nextWake(): number {
    const own = this.slots.filter((slot) => slot.idle).map((slot) => this.timeOf(slot) + this.wakesIn(slot));
    return Math.min(this.events!.next(), ...own);
  }

  private wakesIn(slot: Slot): number {
    return slot.processor.wakesIn ?? Infinity;
  }

  private sleepUntil(slot: Slot, time: number): void {
    const nanoseconds = time - this.timeOf(slot);
    if (nanoseconds <= 0) return;
    slot.slept += nanoseconds;
    slot.processor.skipTime(nanoseconds);
    slot.idle = false;
  }

  private timeOf(slot: Slot): number {
    return slot.processor.instructionCount + slot.slept;
  }

  private next(): Slot {
    // Of processors at the same time, one that has something to do comes first, then the lower number.
    return this.slots.reduce((first, slot) => {
      const ahead = this.timeOf(slot) - this.timeOf(first);
      return ahead < 0 || (ahead === 0 && first.idle && !slot.idle) ? slot : first;
    });
  }

  /** What the scheduler adds to the state of the machine. */
  save(): object {
    return { slept: this.slots.map((slot) => slot.slept), idle: this.slots.map((slot) => slot.idle) };
  }
}
