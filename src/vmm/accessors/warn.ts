// SPDX-License-Identifier: LGPL-2.1-only
import { bfwarning } from '../output/output.js';

/** Where accessors send warnings about registers and fields that do not exist. */
export function warn(text: string): void {
  bfwarning`${text}`;
}
