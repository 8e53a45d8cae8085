// SPDX-License-Identifier: LGPL-2.1-only

/** The counts of a log. */
export interface AccessLogState {
  readonly counts: Map<number, number>;
  /** Accesses to ports or MSRs without their own count. */
  others: number;
  on: boolean;
}

export const emptyLog = (): AccessLogState => ({ counts: new Map(), others: 0, on: false });

/** How often each port or MSR was accessed with an exit, while the log is on. */
export class AccessLog {
  /** @param isCounted whether a key has its own count. All others share one, because a guest can use any number of invented MSRs. */
  constructor(
    private readonly state: () => AccessLogState,
    private readonly isCounted: (key: number) => boolean,
  ) {}

  /** Turns the log on or off. Its counts stay. */
  enable(on: boolean): void {
    this.state().on = on;
  }

  note(key: number): void {
    const state = this.state();
    if (!state.on) return;
    if (this.isCounted(key)) state.counts.set(key, (state.counts.get(key) ?? 0) + 1);
    else state.others++;
  }

  clear(): void {
    this.state().counts.clear();
    this.state().others = 0;
  }

  /** `{"0x3F8": 2}`, and `others` if there are any. */
  toJson(): Record<string, number> {
    const { counts, others } = this.state();
    const sorted = [...counts].sort(([a], [b]) => a - b);
    const entries = sorted.map(([key, count]) => [`0x${key.toString(16).toUpperCase()}`, count] as const);
    return Object.fromEntries(others === 0 ? entries : [...entries, ['others', others] as const]);
  }
}
