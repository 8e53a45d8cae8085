// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, openSync, readSync } from 'node:fs';
import { MOST_LINK, runOfLink, type SharedRun } from '../../site/machine/run_link.js';
import { printable } from '../../session/printable.js';
import { LinkError } from './link_error.js';

/** What begins the run in the address of a page. */
const MARK = '#run=';

/** Bytes of a file that are read: more than a link and the address before it may have. */
const MOST_READ = 4 * MOST_LINK;

/** The first bytes of a file; empty if there is none, or if it cannot be read: what reads recordings says why. */
function beginningOf(file: string): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(MOST_READ);
      return bytes.toString('latin1', 0, readSync(descriptor, bytes));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}

/**
 * The run of a link of the page.
 *
 * @param given the link, or a file that has it and nothing else @returns undefined for anything else
 * @throws LinkError if it is a link that cannot be read
 */
export function givenLink(given: string): SharedRun | undefined {
  const text = given.includes(MARK) ? given : beginningOf(given).trim();
  const [, link] = new RegExp(`^\\S*?${MARK}(\\S*)$`).exec(text) ?? [];
  if (link === undefined) return undefined;
  try {
    return runOfLink(link);
  } catch (error) {
    const found = (error as Error).message;
    throw new LinkError(`this is no link to a run: ${found}`, {
      causedBy: error,
      details: { found, expected: 'the whole address of the page, as "Link to this run" makes it' },
    });
  }
}

/** @throws LinkError with the code, if the link brings code and the user has not allowed it */
export function refuseCode({ sources }: SharedRun): void {
  const names = Object.keys(sources);
  if (names.length === 0) return;
  const code = Object.values(sources).map(printable).join('\n');
  throw new LinkError(
    `the link brings an extension of its own; read it, and add --allow-code if it may run here:\n\n${code}`,
    {
      details: {
        found: `code: ${names.map(printable).join(', ')}`,
        expected: '--allow-code',
        advice: 'read the code first',
      },
    },
  );
}
