// SPDX-License-Identifier: LGPL-2.1-only

/** What the main thread tells a machine's worker of GDB's port. */
export type GdbEvent =
  /** @param isPrivate nobody but the machine's owner can have opened it */
  | { readonly kind: 'opened'; readonly isPrivate: boolean }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'closed' }
  /** The run must end. */
  | { readonly kind: 'stop' };

/** The byte of Ctrl-C. */
const CTRL_C = 3;

/** Bytes that may wait while the machine runs. GDB waits for an answer before it sends the next packet. */
const MOST_WAITING = 1 << 20;

/** What comes in from GDB's port, in order. While the machine runs, a Ctrl-C, a client that comes or goes, and a request to end the run interrupt it. */
export class GdbInbox {
  /** The client wants the machine to stop. */
  isInterrupted = false;
  private readonly events: GdbEvent[] = [];
  private waiting = 0;
  private wake: () => void = () => {};

  /** @param send to the client; nobody hears it while there is none */
  constructor(private readonly post: (text: string) => void) {}

  get hasEvent(): boolean {
    return this.events.length > 0;
  }

  /** Whether there is a Ctrl-C in what waits. */
  get holdsInterrupt(): boolean {
    return this.events.some((event) => event.kind === 'bytes' && event.bytes.includes(CTRL_C));
  }

  /** Whether the machine must stop for what has come in. A packet that comes in while the machine runs waits for the next stop. */
  get wantsStop(): boolean {
    return this.isInterrupted || this.events.some(({ kind }) => kind !== 'bytes');
  }

  /** Lets events come in. @returns whether the machine must stop for them */
  async interrupts(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.wantsStop;
  }

  push(event: GdbEvent): void {
    if (event.kind === 'bytes') {
      if (event.bytes.includes(CTRL_C)) this.isInterrupted = true;
      // What is beyond the bound is lost, and a packet that it cuts is damaged.
      if (this.waiting + event.bytes.length > MOST_WAITING) return;
      this.waiting += event.bytes.length;
    }
    this.events.push(event);
    this.wake();
  }

  /** Waits for what comes in. */
  async next(): Promise<GdbEvent> {
    while (this.events.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    const event = this.events.shift()!;
    if (event.kind === 'bytes') this.waiting -= event.bytes.length;
    return event;
  }

  /** Sends characters 0 to FFH to the client. */
  send(text: string): void {
    this.post(text);
  }
}
