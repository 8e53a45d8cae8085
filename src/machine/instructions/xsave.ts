// SPDX-License-Identifier: LGPL-2.1-only
// XSAVE feature set. Semantics: src/machine/cpu/system/xsave.ts.
import { row, type InstructionRow } from './row.js';

/** The differential oracle leaves these out: XCR0 of the native processor has more components. */
const options = {
  size: 'y',
  noTemplate: 'it saves or restores the state of several units',
  privileged: true,
  bytes: 576,
} as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('NP 0F AE /4', 'M', 'XSAVE', { ...options, feature: 'xsave' }),
  row('NP 0F AE /5', 'M', 'XRSTOR', { ...options, feature: 'xsave', memory: 'read' }),
  row('NP 0F AE /6', 'M', 'XSAVEOPT', { ...options, feature: 'xsaveopt' }),
  row('NP 0F C7 /4', 'M', 'XSAVEC', { ...options, feature: 'xsavec' }),
  row('NP 0F C7 /5', 'M', 'XSAVES', { ...options, feature: 'xsaves', system: true }),
  row('NP 0F C7 /3', 'M', 'XRSTORS', { ...options, feature: 'xsaves', system: true, memory: 'read' }),
  row('NP 0F 01 D0', '', 'XGETBV', {
    feature: 'xsave',
    noTemplate: 'it saves or restores the state of several units',
    privileged: true,
  }),
];
