// SPDX-License-Identifier: LGPL-2.1-only
// The one instruction table: every topic's rows. A topic's name is also that of the AssemblyScript file with its semantics.
// To add a topic: one import and one line below, each in alphabetical order.
import { rows as aes } from './instructions/simd/aes.js';
import { rows as alu } from './instructions/alu.js';
import { rows as bit } from './instructions/bit.js';
import { rows as bmi } from './instructions/bmi.js';
import { rows as condition } from './instructions/condition.js';
import { rows as data } from './instructions/data.js';
import { rows as decimal } from './instructions/decimal.js';
import { rows as flow } from './instructions/flow.js';
import { rows as mmx } from './instructions/simd/mmx.js';
import { rows as multiply } from './instructions/multiply.js';
import { rows as segment } from './instructions/segment.js';
import { rows as shift } from './instructions/shift.js';
import { rows as sse } from './instructions/simd/sse.js';
import { rows as sse2 } from './instructions/simd/sse2.js';
import { rows as sse3 } from './instructions/simd/sse3.js';
import { rows as sse4 } from './instructions/simd/sse4.js';
import { rows as ssse3 } from './instructions/simd/ssse3.js';
import { rows as stack } from './instructions/stack.js';
import { rows as string } from './instructions/string.js';
import { rows as system } from './instructions/system.js';
import { rows as x87 } from './instructions/x87.js';
import { rows as xsave } from './instructions/xsave.js';
import type { InstructionRow } from './instructions/row.js';

/** All rows by topic; the key is the default of a row's `file` option. */
export const topics: Readonly<Record<string, readonly InstructionRow[]>> = {
  aes,
  alu,
  bit,
  bmi,
  condition,
  data,
  decimal,
  flow,
  mmx,
  multiply,
  segment,
  shift,
  sse,
  sse2,
  sse3,
  sse4,
  ssse3,
  stack,
  string,
  system,
  x87,
  xsave,
};
