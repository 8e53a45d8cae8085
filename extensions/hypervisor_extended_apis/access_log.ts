// SPDX-License-Identifier: LGPL-2.1-only

/** How often each port or MSR was accessed with an exit, while the log is on. */
export class AccessLog {
  private readonly counts = new Map<number, number>();
  private on = false;

  /** Turns the log on or off; what it holds stays. */
  enable(on: boolean): void {
    this.on = on;
  }

  note(key: number): void {
    if (this.on) this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  clear(): void {
    this.counts.clear();
  }

  /** `{"0x3F8": 2}`. */
  toJson(): Record<string, number> {
    const sorted = [...this.counts].sort(([a], [b]) => a - b);
    return Object.fromEntries(sorted.map(([key, count]) => [`0x${key.toString(16).toUpperCase()}`, count]));
  }
}
