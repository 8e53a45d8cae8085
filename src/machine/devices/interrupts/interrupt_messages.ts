// SPDX-License-Identifier: LGPL-2.1-only

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
  /** Whether an 8-bit destination names this APIC. */
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

/** Carries interrupt messages to local APICs, in order of processor number. */
export class InterruptMessages {
  private readonly receivers: MessageReceiver[] = [];
  private endOfInterrupt: (vector: number) => void = () => {};

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
      targets.reduce((best, next) => (next.processorPriority() < best.processorPriority() ? next : best)).accept(fixed);
    } else {
      for (const target of targets) target.accept(message);
    }
    return true;
  }
}
