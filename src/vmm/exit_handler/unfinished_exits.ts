// SPDX-License-Identifier: LGPL-2.1-only
import { instructionExits } from '../../intrinsics/exit_kinds.js';
import { exitReasonName } from '../../intrinsics/exit_reasons.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { UnfinishedExitError } from '../errors.js';
import { hex } from '../support/text.js';
import type { Exit } from '../exit/exit.js';

/** How often in a row the guest may execute an instruction that nobody completes. */
export const mostRepetitions = 1_000_000;

/** Low halves of RCX, RSI and RDI: an emulation of a repeated instruction counts on in them while RIP stays. */
const [rcx, rsi, rdi] = [2, 12, 14];

/**
 * Finds the most common mistake of a handler: it says that it handled an instruction but does not advance RIP, so that the guest executes the
 * instruction for ever. An exit that ends in `exit.advance()` costs two comparisons.
 */
export class UnfinishedExits {
  private count = 0;
  private reason = -1;
  private ripBefore = 0;
  private rip = 0;
  private rcx = 0;
  private rsi = 0;
  private rdi = 0;

  /** Call before the handlers of an exit. */
  begin(exit: Exit): void {
    if (this.count !== 0) this.ripBefore = exit.vmcs.readLow(VmcsField.GuestRip);
  }

  /**
   * Call after the handlers of an exit.
   *
   * @throws UnfinishedExitError if the guest executed the same instruction too often.
   */
  end(exit: Exit): void {
    if (exit.hasAdvanced) this.count = 0;
    else this.note(exit);
  }

  private note(exit: Exit): void {
    if (exit.hasInjected || instructionExits[exit.reason] !== 1) {
      this.count = 0;
      return;
    }
    const rip = exit.vmcs.readLow(VmcsField.GuestRip);
    this.count = this.count !== 0 && this.isAgain(exit, rip) ? this.count + 1 : 1;
    if (this.count >= mostRepetitions) throw unfinished(exit);
    const { halves } = exit.registers;
    this.reason = exit.reason;
    this.rip = rip;
    this.rcx = halves[rcx]!;
    this.rsi = halves[rsi]!;
    this.rdi = halves[rdi]!;
  }

  private isAgain(exit: Exit, rip: number): boolean {
    const { halves } = exit.registers;
    return (
      exit.reason === this.reason &&
      rip === this.ripBefore &&
      rip === this.rip &&
      halves[rcx] === this.rcx &&
      halves[rsi] === this.rsi &&
      halves[rdi] === this.rdi
    );
  }
}

function unfinished(exit: Exit): UnfinishedExitError {
  const rip = hex(exit.vmcs.read(VmcsField.GuestRip));
  return new UnfinishedExitError(
    `the guest executed the instruction at ${rip} ${mostRepetitions.toLocaleString('en')} times in a row, because its exit (${exitReasonName(exit.reason)}) was ` +
      `handled but RIP, RCX, RSI and RDI did not change. Does the handler forget exit.advance()? A handler that returns true must ` +
      `step over the instruction or inject an exception`,
  );
}
