// SPDX-License-Identifier: LGPL-2.1-only

/** Bytes that are kept for a guest that does not read what is typed at a terminal. */
const MOST_WAITING = 1 << 20;

/**
 * A user at a terminal, who does not wait until the guest has read. Input is kept for the guest up to a limit. Input beyond the limit is dropped,
 * with one message.
 */
export class Typist {
  private waiting = 0;
  private last: Promise<void> = Promise.resolve();
  private hasComplained = false;

  /**
   * @param send types bytes at the guest; resolves once they are on their way to it.
   * @param complain takes the message.
   */
  constructor(
    private readonly send: (bytes: Uint8Array) => Promise<void>,
    private readonly complain: (text: string) => void,
    private readonly most = MOST_WAITING,
  ) {}

  type(bytes: Uint8Array): void {
    if (this.waiting + bytes.length > this.most) return this.drop();
    this.waiting += bytes.length;
    this.last = this.last
      .then(() => this.send(bytes))
      .catch((error: unknown) => this.tell((error as Error).message))
      .then(() => {
        this.waiting -= bytes.length;
      });
  }

  private drop(): void {
    this.tell(`the guest does not read its input: input beyond ${this.most} bytes is dropped`);
  }

  private tell(text: string): void {
    if (this.hasComplained) return;
    this.hasComplained = true;
    this.complain(text);
  }
}
