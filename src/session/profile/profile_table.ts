// SPDX-License-Identifier: LGPL-2.1-only
import { groupedDigits } from '../grouped_digits.js';
import type { ProfileRecorder } from './profile_recorder.js';
import {
  mergedCode,
  profiledCode,
  profiledExits,
  withCallers,
  type ProfiledCode,
  type ProfileNames,
} from './profile_rows.js';

/** Rows of each part. */
const MOST_ROWS = 20;

const isKernel = ({ side }: ProfiledCode): boolean => side === 'kernel';
const nameOf = ({ name, module }: ProfiledCode): string => (module === '' ? name : `${name} [${module}]`);
const processorOf = ({ processor }: ProfiledCode): string => `processor ${processor}`;

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
  const code = profiledCode(recorder, names);
  const share = (rows: readonly ProfiledCode[], ...words: ((row: ProfiledCode) => string)[]): string[] =>
    limited(
      mergedCode(rows, (row) => words.map((word) => word(row)).join('\n')).map((row) => [
        groupedDigits(row.samples),
        percent(row.samples, size),
        ...words.map((word) => word(row)),
      ]),
    );
  const exits = profiledExits(recorder, names).map(({ processor, reason, handler, count, hostTime }) => [
    groupedDigits(count),
    `${hostTime.toFixed(1)} ms`,
    `processor ${processor}`,
    `${reason}: ${handler}`,
  ]);
  const every = `one each ${groupedDigits(interval / 1000)} µs of a processor's virtual time`;
  return [
    `profile: ${groupedDigits(size)} samples, ${every}`,
    ...share(code, processorOf, nameOf),
    ...(code.every(({ callers }) => callers.length === 0)
      ? []
      : ['with what they called, in the kernel:', ...share(withCallers(code.filter(isKernel)), nameOf)]),
    'by address space:',
    ...share(
      code,
      ({ space }) => space,
      ({ side }) => side,
    ),
    ...(exits.length === 0
      ? []
      : ['VM exits by reason and handler, with the real time in which the VMM handled them:', ...limited(exits)]),
  ];
}
