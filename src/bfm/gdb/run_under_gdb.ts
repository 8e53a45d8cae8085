// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort } from 'node:worker_threads';
import type { DebuggedRun } from '../../session/debug/debugged_run.js';
import { Debugger } from '../../session/debug/debugger.js';
import type { WorkerMessage } from '../worker/run_request.js';
import type { DebuggedMachine } from './debugged_machine.js';
import { GdbInbox, type GdbEvent } from './gdb_inbox.js';
import { GdbSession, type DebuggedEnd } from './gdb_session.js';

/** A run in a worker that a debugger may drive. */
export interface DebuggableRun extends Pick<DebuggedMachine, 'handlers' | 'canChange' | 'ending' | 'evaluate'> {
  readonly run: DebuggedRun;
  /** The machine waits for a client before its first instruction. */
  readonly waits: boolean;
}

/** Runs a machine in a worker, whose main thread has GDB's port. @param post to that thread */
export async function runUnderGdb(
  { run, waits, ...more }: DebuggableRun,
  post: (message: WorkerMessage) => void,
): Promise<DebuggedEnd> {
  const inbox = new GdbInbox((text) => post({ kind: 'gdb', text }));
  const receive = (event: GdbEvent): void => inbox.push(event);
  const machine: DebuggedMachine = {
    ...more,
    session: run.session,
    debug: new Debugger(run, () => inbox.interrupts()),
    holds: (isHeld) => post({ kind: 'held', isHeld }),
  };
  parentPort!.on('message', receive);
  try {
    return await new GdbSession(machine, inbox, waits).run();
  } finally {
    machine.debug.detach();
    parentPort!.off('message', receive);
  }
}
