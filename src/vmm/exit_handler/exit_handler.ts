// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';

/** What happens at a VM exit of this vCPU. */
export interface ExitHandler {
  /** The exit entry: handles the exit and enters the guest again, or leaves it for good. Never throws. */
  dispatch(): void;
  /** Handles one exit by its basic reason; does not enter the guest. */
  handleExit(reason: ExitReason): void;
  /** Prints the guest's registers and stops this processor. @param reason for the report. */
  halt(reason: string): void;
}
export const ExitHandler = component<ExitHandler>('bareflank.ExitHandler', 'vcpu');
