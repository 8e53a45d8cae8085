// SPDX-License-Identifier: LGPL-2.1-only
import type { SharedRun } from '../../site/machine/run_link.js';

/** What the run of a link needs, as plain data: it travels into the worker. */
export interface LinkRequest {
  readonly run: SharedRun;
  /** Absolute path of the folder of a site, which has the guest and the extensions. */
  readonly site: string;
}
