// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from '../device.js';
import type { EventQueue } from '../event_queue.js';
import type { Timer } from '../timer.js';

/** Reserved everywhere. */
const RESERVED_MODE = 3;

/** Delivery modes of interrupt messages. SDM 3A "Interrupt Command Register (ICR)". */
export enum DeliveryMode {
  Fixed = 0,
  LowestPriority = 1,
  Smi = 2,
  Nmi = 4,
  Init = 5,
  StartUp = 6,
  ExtInt = 7,
}

/** The modes that the manual reserves in redirection entries, in messages of devices and in local vectors: nothing is sent. */
export function isReservedForDevices(mode: number): boolean {
  return mode === RESERVED_MODE || mode === DeliveryMode.StartUp;
}

/** The modes that it reserves in the ICR. */
export function isReservedForCommands(mode: number): boolean {
  return mode === RESERVED_MODE || mode === DeliveryMode.ExtInt;
}

/** One message on the bus between the IOAPIC and the local APICs. */
export interface InterruptMessage {
  readonly vector: number;
  readonly mode: DeliveryMode;
  readonly level: boolean;
  /** INIT level de-assert has `asserted` false. Processors as recent as our model ignore it. */
  readonly asserted: boolean;
}

/** What the message bus needs from a local APIC. */
export interface MessageReceiver {
  /** Whether a destination, as `wideDestination` gives it, names this APIC. */
  matches(destination: number, logical: boolean): boolean;
  /** For lowest-priority delivery. */
  processorPriority(): number;
  accept(message: InterruptMessage): void;
}

/** The destination that an ICR's shorthand names instead of its destination field. */
export enum Shorthand {
  None = 0,
  Self = 1,
  All = 2,
  AllButSelf = 3,
}

/** A message on its way. */
interface WaitingMessage {
  /** Virtual time at which the sender sent it. */
  readonly time: number;
  /** The number of the processor whose APIC takes it. */
  readonly target: number;
  readonly message: InterruptMessage;
}

/** Who sends, and when. */
export interface MessageClock {
  readonly events: EventQueue;
  /** The number of the processor that executes instructions now; undefined if none does, so that a device sends. */
  readonly sender: () => number | undefined;
}

/**
 * Carries interrupt messages to local APICs, in order of processor number.
 *
 * A message from the processor that executes instructions to another one waits until all processors have reached the sender's time. It so arrives at
 * the sender's time, or at the receiver's if that is ahead, and never before it was sent.
 */
export class InterruptMessages extends StatefulDevice<{ waiting: WaitingMessage[] }> {
  readonly name = 'interrupt_messages';
  private readonly receivers: MessageReceiver[] = [];
  private readonly arrival: Timer | undefined;
  private endOfInterrupt: (vector: number) => void = () => {};

  /** @param clock without one, all messages arrive at once. */
  constructor(private readonly clock?: MessageClock) {
    super();
    this.arrival = clock?.events.timer(`${this.name}.arrival`, (deadline) => this.arrive(deadline));
  }

  protected initialState(): { waiting: WaitingMessage[] } {
    return { waiting: [] };
  }

  attach(receiver: MessageReceiver): void {
    this.receivers.push(receiver);
  }

  /** @param listener hears of each EOI of a level-triggered vector: the IOAPIC. */
  onEndOfInterrupt(listener: (vector: number) => void): void {
    this.endOfInterrupt = listener;
  }

  broadcastEndOfInterrupt(vector: number): void {
    this.endOfInterrupt(vector);
  }

  /** @returns false if no APIC took the message. */
  send(message: InterruptMessage, destination: number, logical: boolean): boolean {
    const targets = this.receivers.filter((receiver) => receiver.matches(destination, logical));
    return this.deliver(message, targets);
  }

  /** @param sender the APIC whose ICR was written. */
  sendShorthand(message: InterruptMessage, shorthand: Shorthand, sender: MessageReceiver): void {
    const targets = this.receivers.filter(
      (receiver) => shorthand === Shorthand.All || (receiver === sender) === (shorthand === Shorthand.Self),
    );
    this.deliver(message, targets);
  }

  private deliver(message: InterruptMessage, targets: readonly MessageReceiver[]): boolean {
    if (targets.length === 0) return false;
    if (message.mode === DeliveryMode.LowestPriority) {
      const fixed = { ...message, mode: DeliveryMode.Fixed };
      // Ties go to the lowest processor number, so that a run is the same each time.
      const least = targets.reduce((best, next) => (next.processorPriority() < best.processorPriority() ? next : best));
      this.pass(fixed, least);
    } else {
      for (const target of targets) this.pass(message, target);
    }
    return true;
  }

  private pass(message: InterruptMessage, receiver: MessageReceiver): void {
    const { clock, arrival, receivers } = this;
    const sender = clock?.sender();
    const target = receivers.indexOf(receiver);
    if (clock === undefined || sender === undefined || sender === target) return receiver.accept(message);
    const time = clock.events.now();
    const { waiting } = this.state;
    // A processor that was behind may send after one that was ahead.
    const later = waiting.findIndex((other) => other.time > time);
    waiting.splice(later < 0 ? waiting.length : later, 0, { time, target, message });
    arrival!.arm(waiting[0]!.time);
  }

  private arrive(deadline: number): void {
    const { waiting } = this.state;
    while (waiting.length > 0 && waiting[0]!.time <= deadline) {
      const { target, message } = waiting.shift()!;
      this.receivers[target]!.accept(message);
    }
    if (waiting.length > 0) this.arrival!.arm(waiting[0]!.time);
  }
}
