// SPDX-License-Identifier: LGPL-2.1-only
import { Debugger } from '../../../src/session/debug/debugger.js';
import { recordedRun, type RandomRun } from '../random_run.js';
import { replayOf } from '../replay/replay_of.js';

const GIGABYTE = 2 ** 30;

/** A debugger over a recorded run, with many checkpoints. */
export async function debuggerOf(run: RandomRun, pause = () => Promise.resolve(false)) {
  const { items } = await recordedRun(run);
  const { replay, session } = await replayOf(run, items, GIGABYTE, 20_000);
  const debug = new Debugger(
    {
      session,
      advance: (until) => replay.advance(until),
      goBackBefore: (instructions) => replay.goBackBefore(instructions),
    },
    pause,
  );
  return { debug, pc: session.pc, session };
}
