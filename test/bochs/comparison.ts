// SPDX-License-Identifier: LGPL-2.1-only
import type { Transcript } from './transcript.js';

/** What two machines made of one case: the lines that only one of them printed. */
export interface Difference {
  readonly name: string;
  readonly ours: string;
  readonly bochs: string;
}

/** Reviewed differences, with what the SDM says about them. */
export interface ReviewedDifferences {
  readonly reason: string;
  readonly cases: readonly Difference[];
}

function only(lines: readonly string[], others: readonly string[]): string {
  return lines.filter((line) => !others.includes(line)).join('; ');
}

/** All differences between two transcripts. */
export function differencesOf(ours: Transcript, bochs: Transcript): Difference[] {
  return [...ours].flatMap(([name, lines]) => {
    const theirs = bochs.get(name) ?? ['no such case'];
    if (lines.join('\n') === theirs.join('\n')) return [];
    return [{ name, ours: only(lines, theirs), bochs: only(theirs, lines) }];
  });
}

const textOf = ({ name, ours, bochs }: Difference): string => `${name}: ours "${ours}", Bochs "${bochs}"`;

/** Holds two transcripts against a list of reviewed differences. Each result is a list of texts, empty if all is well. */
export function compare(
  ours: Transcript,
  bochs: Transcript,
  reviewed: readonly ReviewedDifferences[],
): { unexpected: string[]; gone: string[] } {
  const found = differencesOf(ours, bochs).map(textOf);
  const known = reviewed.flatMap(({ cases }) => cases.map(textOf));
  return {
    unexpected: found.filter((text) => !known.includes(text)),
    gone: known.filter((text) => !found.includes(text)),
  };
}
