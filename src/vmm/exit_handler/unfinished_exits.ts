// SPDX-License-Identifier: LGPL-2.1-only
import { instructionExits } from '../../intrinsics/vmx/exit_kinds.js';
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { UnfinishedExitError } from '../errors.js';
import { hex } from '../support/text.js';
import type { Exit } from '../exit/exit.js';

/** How often in a row the guest may execute an instruction that nobody completes. */
export const mostRepetitions = 1_000_000;

/** Low halves of RCX, RSI and RDI: an emulation of a repeated instruction counts on in them while RIP stays. */
const [rcx, rsi, rdi] = [2, 12, 14];

/** How often the guest has executed one instruction in a row, and which: state across exits. */
export interface Repetition {
  count: number;
  reason: number;
  ripBefore: number;
  rip: number;
  rcx: number;
  rsi: number;
  rdi: number;
}

export const noRepetition = (): Repetition => ({ count: 0, reason: -1, ripBefore: 0, rip: 0, rcx: 0, rsi: 0, rdi: 0 });

/**
 * Finds the most common mistake of a handler: it says that it handled an instruction but does not advance RIP, so that the guest executes the
 * instruction for ever. An exit that ends in `exit.advance()` costs two comparisons.
 */
export class UnfinishedExits {
  constructor(private readonly last: Repetition) {}

  /** Call before the handlers of an exit. */
  begin(exit: Exit): void {
    const { last } = this;
    if (last.count !== 0) last.ripBefore = exit.vmcs.readLow(VmcsField.GuestRip);
  }

  /**
   * Call after the handlers of an exit.
   *
   * @throws UnfinishedExitError if the guest executed the same instruction too often.
   */
  end(exit: Exit): void {
    if (exit.hasAdvanced) this.last.count = 0;
    else this.note(exit);
  }

  private note(exit: Exit): void {
    const { last } = this;
    if (exit.hasInjected || instructionExits[exit.reason] !== 1) {
      last.count = 0;
      return;
    }
    const rip = exit.vmcs.readLow(VmcsField.GuestRip);
    last.count = last.count !== 0 && this.isAgain(exit, rip) ? last.count + 1 : 1;
    if (last.count >= mostRepetitions) throw unfinished(exit);
    const { halves } = exit.registers;
    last.reason = exit.reason;
    last.rip = rip;
    last.rcx = halves[rcx]!;
    last.rsi = halves[rsi]!;
    last.rdi = halves[rdi]!;
  }

  private isAgain(exit: Exit, rip: number): boolean {
    const { last } = this;
    const { halves } = exit.registers;
    return (
      exit.reason === last.reason &&
      rip === last.ripBefore &&
      rip === last.rip &&
      halves[rcx] === last.rcx &&
      halves[rsi] === last.rsi &&
      halves[rdi] === last.rdi
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
