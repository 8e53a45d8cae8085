// SPDX-License-Identifier: LGPL-2.1-only
import { WatchedWrites, type RegisterWrite, type WatchedRegister } from '../../machine/debug/watched_writes.js';
import type { Pc } from '../../machine/pc.js';
import type { Debugger } from './debugger.js';

/**
 * Finds the last write of a register before the present point, by running what came before it again. The run is somewhere else afterwards. Precondition: the
 * run can go back.
 *
 * @returns undefined if software has not written it since the recording began
 */
export async function lastRegisterWrite(
  debug: Debugger,
  pc: Pc,
  register: WatchedRegister,
): Promise<RegisterWrite | undefined> {
  const { instructions: last, exitCount: lastExit } = pc;
  // At the point itself, VM exits were handled, and the next instruction is still to come.
  using writes = new WatchedWrites(
    pc,
    register,
    ({ instructions, exits, isOfInstruction }) =>
      instructions < last || (instructions === last && exits <= lastExit && !isOfInstruction),
  );
  await debug.runAgain(() => writes.last !== undefined);
  return writes.last;
}
