// SPDX-License-Identifier: LGPL-2.1-only

/** What a log holds. */
export interface AccessLogState {
  readonly counts: Map<number, number>;
  on: boolean;
}

export const emptyLog = (): AccessLogState => ({ counts: new Map(), on: false });

/** How often each port or MSR was accessed with an exit, while the log is on. */
export class AccessLog {
  constructor(private readonly state: () => AccessLogState) {}

  /** Turns the log on or off; what it holds stays. */
  enable(on: boolean): void {
    this.state().on = on;
  }

  note(key: number): void {
    const { counts, on } = this.state();
    if (on) counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  clear(): void {
    this.state().counts.clear();
  }

  /** `{"0x3F8": 2}`. */
  toJson(): Record<string, number> {
    const sorted = [...this.state().counts].sort(([a], [b]) => a - b);
    return Object.fromEntries(sorted.map(([key, count]) => [`0x${key.toString(16).toUpperCase()}`, count]));
  }
}
