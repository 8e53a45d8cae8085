// SPDX-License-Identifier: LGPL-2.1-only
// The one instruction table: every topic's rows. A topic's name is also that of the AssemblyScript file with its semantics.
// To add a topic: one import and one line below, each in alphabetical order.
import type { InstructionRow } from './instructions/row.js';

/** All rows by topic; the key is the default of a row's `file` option. */
export const topics: Readonly<Record<string, readonly InstructionRow[]>> = {
};
