// SPDX-License-Identifier: LGPL-2.1-only
import { bfwarning } from '../output/output.js';

/** Where accessors warn of what does not exist. */
export function warn(text: string): void {
  bfwarning`${text}`;
}
