// SPDX-License-Identifier: LGPL-2.1-only
import { groupedDigits } from '../grouped_digits.js';
import type { ProfileRecorder } from './profile_recorder.js';
import { profiledCode, profiledExits, type ProfileNames } from './profile_rows.js';

/** Rows of each part. */
const MOST_ROWS = 20;

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

/** Columns: the last one is to the left, the others are to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), []);
  return rows.map((row) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padStart(widths[at]!))).join('  '),
  );
}

function limited(rows: readonly (readonly string[])[]): string[] {
  const hidden = rows.length - MOST_ROWS;
  const lines = columns(rows.slice(0, MOST_ROWS)).map((line) => `  ${line}`);
  return hidden > 0 ? [...lines, `  and ${hidden} more`] : lines;
}

/** A profile for people: where the guest was, and what its VM exits were. */
export function profileTable(recorder: ProfileRecorder, names: ProfileNames): string[] {
  const { size, interval } = recorder;
  const code = profiledCode(recorder, names).map(({ processor, name, module, samples }) => [
    groupedDigits(samples),
    percent(samples, size),
    `processor ${processor}`,
    module === '' ? name : `${name} [${module}]`,
  ]);
  const exits = profiledExits(recorder, names).map(({ processor, reason, handler, count }) => [
    groupedDigits(count),
    `processor ${processor}`,
    `${reason}: ${handler}`,
  ]);
  const every = `one each ${groupedDigits(interval / 1000)} µs of a processor's virtual time`;
  return [
    `profile: ${groupedDigits(size)} samples, ${every}`,
    ...limited(code),
    ...(exits.length === 0 ? [] : ['VM exits by reason and handler:', ...limited(exits)]),
  ];
}
