// SPDX-License-Identifier: LGPL-2.1-only
import { reportedExit, type ReportedExit } from '../../session/reported_exit.js';
import { exitLines } from '../death/exit_lines.js';
import { ExitHistory } from '../../machine/processor/exit_history.js';
import { hangingHandler } from './hanging_handler.js';
import type { RunControl } from './run_control.js';

/** The last VM exits of a processor whose handler does not return, as plain JSON values. */
export interface StuckProcessor {
  readonly processor: number;
  readonly lastExits: readonly ReportedExit[];
}

/** What is known of a machine whose worker had to be killed in a handler. */
export interface StuckReport {
  /** A screen: which handler of which exit, the exits before it, what to try. */
  readonly detail: string;
  readonly stuck?: StuckProcessor;
}

/** More lines than a processor remembers exits. */
const ALL = 64;

/**
 * The report of a handler that does not return. The guest's registers are lost with the worker; the last VM exits are in shared memory.
 *
 * @param handlers the names of contributions and exit handlers. @returns undefined if no handler was running
 */
export function stuckReport(control: RunControl, handlers: readonly string[]): StuckReport | undefined {
  const what = hangingHandler(control, handlers);
  if (what === undefined) return undefined;
  const stuck = control.exitHistories
    .map((words, processor) => stuckProcessor(processor, new ExitHistory(words), handlers))
    .find((each) => each?.lastExits.at(-1)?.action === 'not handled');
  const advice =
    'what to try: look for a loop or a call that blocks in this handler; the last exit says for what it was called';
  return {
    detail: [what, ...(stuck === undefined ? [] : exitLines(stuck.lastExits, ALL)), advice].join('\n'),
    ...(stuck !== undefined && { stuck }),
  };
}

function stuckProcessor(processor: number, history: ExitHistory, handlers: readonly string[]): StuckProcessor {
  return { processor, lastExits: history.last().map((exit) => reportedExit(exit, handlers)) };
}
