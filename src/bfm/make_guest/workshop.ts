// SPDX-License-Identifier: LGPL-2.1-only
import type { Progress } from './progress.js';

/** Where a guest is made. */
export interface Workshop {
  /** Gets the guest's files. */
  readonly result: string;
  /** For everything else; removed at the end. */
  readonly work: string;
  readonly progress: Progress;
  /** Debian packages that the user wants besides those of the guest. */
  readonly extraPackages: readonly string[];
  /** The user does not want the guest any more. */
  readonly signal: AbortSignal;
}
