// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitHistory } from './exit_history.js';

/** Takes each VM exit of a processor once it was handled. */
export interface ExitSink {
  /** @param history whose last exit it is */
  add(history: ExitHistory): void;
}

/** Hears when the VMM begins to handle a VM exit. An exit to x86 code has no such moment. */
export interface ExitTimer {
  begin(): void;
}
