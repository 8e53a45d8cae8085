// SPDX-License-Identifier: LGPL-2.1-only
import { groupedDigits } from '../../session/grouped_digits.js';
import type { ReplayPoint } from '../../session/replay/replay_point.js';
import { UsageError } from '../failures/usage_error.js';

const EXPECTED =
  "a number of instructions, 'exit N', or a text of the console; 'text:…' for a text that begins with a digit, a sign and a digit, or 'exit'";

/** Reads the value of `--until`. @throws UsageError */
export function parseReplayPoint(value: string): ReplayPoint {
  const [, instructions] = /^(\d+)$/.exec(value) ?? [];
  if (instructions !== undefined) return { kind: 'instruction', count: countOf(value, instructions) };
  const [, exits] = /^exit\s+(\d+)$/i.exec(value) ?? [];
  if (exits !== undefined) return { kind: 'exit', count: countOf(value, exits) };
  // A mistyped number or exit would be waited for in vain.
  if (/^([-+]?\d|exit)/i.test(value)) throw UsageError.ofOption('--until', value, EXPECTED);
  const text = value.startsWith('text:') ? value.slice('text:'.length) : value;
  if (text === '') throw UsageError.ofOption('--until', value, EXPECTED);
  return { kind: 'text', text };
}

function countOf(value: string, digits: string): number {
  const count = Number(digits);
  if (count === 0 || !Number.isSafeInteger(count)) throw UsageError.ofOption('--until', value, EXPECTED);
  return count;
}

/** A point in words. */
export function pointText(point: ReplayPoint): string {
  switch (point.kind) {
    case 'instruction':
      return `instruction ${groupedDigits(point.count)}`;
    case 'exit':
      return `VM exit ${groupedDigits(point.count)}`;
    case 'text':
      return `"${point.text}"`;
  }
}
