// SPDX-License-Identifier: LGPL-2.1-only
// The JSON trace format of Chrome, which ui.perfetto.dev opens: "Trace Event Format" of the Chromium project.

/** The values that are shown with an event. */
export type TraceArguments = Readonly<Record<string, string | number | null>>;

/** An event of a trace. Times are microseconds. */
export type TraceEvent =
  /** X: from `ts` on, for `dur`. */
  | (EventPlace & { readonly ph: 'X'; readonly dur: number; readonly cat: string; readonly args: TraceArguments })
  /** i: an instant of a thread (t) or a process (p). */
  | (EventPlace & { readonly ph: 'i'; readonly s: 't' | 'p'; readonly cat: string; readonly args: TraceArguments })
  /** C: the value of counters. */
  | (EventPlace & { readonly ph: 'C'; readonly args: Readonly<Record<string, number>> })
  /** M: the name of a process or a thread. */
  | (EventPlace & { readonly ph: 'M'; readonly args: TraceArguments });

interface EventPlace {
  readonly name: string;
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
}
