// SPDX-License-Identifier: LGPL-2.1-only

/** What a contribution asked an owner for. Requests of several contributions are merged; disposing one takes it back. */
export type Request = Disposable;

/** Counts requests by key; tells when the first one comes and the last one goes. */
export class RequestCounter {
  private readonly counts = new Map<number, number>();

  constructor(private readonly changed: (key: number, isRequested: boolean) => void) {}

  request(key: number): Request {
    const count = this.counts.get(key) ?? 0;
    this.counts.set(key, count + 1);
    if (count === 0) this.changed(key, true);
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        this.release(key);
      },
    };
  }

  /** How many ask for a key. */
  count(key: number): number {
    return this.counts.get(key) ?? 0;
  }

  /** All keys that somebody asks for. */
  keys(): number[] {
    return [...this.counts.keys()];
  }

  private release(key: number): void {
    const count = this.counts.get(key)! - 1;
    if (count > 0) this.counts.set(key, count);
    else {
      this.counts.delete(key);
      this.changed(key, false);
    }
  }
}
