// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName, ExitReason } from '../../intrinsics/exit_reasons.js';
import { UnimplementedExitError } from '../errors.js';
import { hex } from '../support/text.js';
import type { Exit } from '../exit/exit.js';

/** Bits 31:30 of the exit qualification. */
const sources = ['CALL', 'IRET', 'JMP', 'a task gate in the IDT'];

/**
 * A task switch exits unconditionally in VMX non-root operation, and only the VMM can emulate it. Like Bareflank 1.1, the base
 * does not: no 64-bit system switches tasks by hardware. SDM 3C "Exit Qualification for Task Switches".
 *
 * @throws UnimplementedExitError always.
 */
export function refuseTaskSwitch(exit: Exit): never {
  const qualification = exit.qualificationLow;
  const source = sources[qualification >>> 30]!;
  throw new UnimplementedExitError(
    `unimplemented exit ${exitReasonName(ExitReason.TaskSwitch)} (${ExitReason.TaskSwitch}): the guest switched to the task of TSS selector ` +
      `${hex(qualification & 0xffff)} by ${source}. Hardware task switches always exit, and the base does not emulate them: ` +
      `a guest that needs them runs without a VMM, or with an extension that handles ExitReason.TaskSwitch`,
  );
}
