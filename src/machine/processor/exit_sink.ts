// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitHistory } from './exit_history.js';

/** Takes each VM exit of a processor once it was handled. */
export interface ExitSink {
  /** @param history whose last exit it is */
  add(history: ExitHistory): void;
}
