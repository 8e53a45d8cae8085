// SPDX-License-Identifier: LGPL-2.1-only
import { ExitReasonBit, exitReasonName } from '../intrinsics/vmx/exit_reasons.js';
import { hex } from '../intrinsics/texts/hex.js';
import type { RememberedExit } from '../machine/processor/exit_history.js';
import { ExitOutcome } from '../vmm/exit/handler_trace.js';

/** What the VMM did with an exit. */
export type ExitAction = 'advanced' | 'injected' | 'advanced, injected' | 'resumed' | 'stopped' | 'not handled';

/** A VM exit as plain JSON values; 64-bit numbers are hexadecimal text with 0x. */
export interface ReportedExit {
  /** As in "cpuid". */
  readonly reason: string;
  /** The VM entry failed: the guest has not run. */
  readonly isEntryFailure?: true;
  readonly rip: string;
  readonly qualification: string;
  /** Instructions that the processor had begun. */
  readonly instructions: number;
  /** The contribution or the exit handler that handled it; null if none has, or if the hypervisor is x86 code. */
  readonly handler: string | null;
  /** `advanced`: past the instruction. `injected`: an event. `resumed`: at the same RIP. `stopped`: the guest does not go on. */
  readonly action: ExitAction;
}

function actionOf(outcome: number): ExitAction {
  if (outcome === 0) return 'not handled';
  if ((outcome & ExitOutcome.Resumed) === 0) return 'stopped';
  const isInjected = (outcome & ExitOutcome.Injected) !== 0;
  if ((outcome & ExitOutcome.Advanced) !== 0) return isInjected ? 'advanced, injected' : 'advanced';
  return isInjected ? 'injected' : 'resumed';
}

/** @param handlers the names of contributions and exit handlers, as the VMM numbers them. */
export function reportedExit(exit: RememberedExit, handlers: readonly string[]): ReportedExit {
  const { reason, rip, qualification, instructions, outcome } = exit;
  return {
    reason: exitReasonName(reason),
    ...((reason & ExitReasonBit.VmEntryFailure) !== 0 && { isEntryFailure: true as const }),
    rip: hex(rip),
    qualification: hex(qualification),
    instructions,
    handler: handlers[(outcome & ExitOutcome.Handler) - 1] ?? null,
    action: actionOf(outcome),
  };
}
