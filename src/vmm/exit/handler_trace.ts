// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { LeftOverTaskError } from '../errors.js';

/** The handler that runs now. A watchdog outside the VMM's thread reads it to name a handler that does not return. */
export interface HandlerTrace {
  /** Word 0: 1 + the place in `names` of the handler that runs, 0 between exits. May be shared memory. */
  readonly words: Int32Array;
  /** Word 0: what the handlers did with the last exit, see `ExitOutcome`. The machine keeps it with the exit, for reports. */
  readonly outcome: Int32Array;
  /** Names of contributions and exit handlers, filled when vCPUs are made. */
  readonly names: string[];
  /** What the driver does with the VMM outside VM exits, for people. */
  doing?: string | undefined;
  /** That code of the VMM has made a Promise. Somebody who sees Promises being made sets it; the exit, or what the driver does, then fails with it. */
  leftOver?: LeftOver | undefined;
}

/** Something that code of the VMM leaves behind. */
export interface LeftOver {
  /** 1 + the place in `names` of the handler that ran, 0 outside VM exits. */
  readonly handler: number;
  readonly error: LeftOverTaskError;
}
export const HandlerTrace = component<HandlerTrace>('bareflank.HandlerTrace', 'vmm');

/** Whose code runs now, for people; undefined if it is not the VMM's. */
export function whoRuns({ words, names, doing }: HandlerTrace): string | undefined {
  const handler = words[0]!;
  return handler === 0 ? doing : `handler ${names[handler - 1] ?? handler}`;
}

/** @throws LeftOverTaskError if code of the VMM left something behind that would run later */
export function refuseLeftOver({ leftOver }: HandlerTrace): void {
  if (leftOver !== undefined) throw leftOver.error;
}

/** Runs code of the VMM outside VM exits. @throws LeftOverTaskError */
export function whileDoing<T>(trace: HandlerTrace, what: string, work: () => T): T {
  trace.doing = what;
  try {
    const result = work();
    refuseLeftOver(trace);
    return result;
  } finally {
    trace.doing = undefined;
    trace.leftOver = undefined;
  }
}

/** Bits of the outcome word. 0: no handler has returned. */
export const ExitOutcome = {
  /** 1 + the place of the handler's name; 0 if an exception came before any handler. */
  Handler: 0xffff,
  /** RIP moved past the instruction, or past an iteration of it. */
  Advanced: 1 << 16,
  /** An event will be injected at the next VM entry. */
  Injected: 1 << 17,
  /** The guest goes on by VMRESUME. Without this bit, the processor was stopped, or left the guest. */
  Resumed: 1 << 18,
} as const;

/** 1 + the place of a name, adding it if it is new. */
export function traceNumber(trace: HandlerTrace, name: string): number {
  const at = trace.names.indexOf(name);
  return at >= 0 ? at + 1 : trace.names.push(name);
}
