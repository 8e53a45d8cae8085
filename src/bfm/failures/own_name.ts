// SPDX-License-Identifier: LGPL-2.1-only
// How a user types the name of this program. Messages that tell what to type use it.
import { basename, relative } from 'node:path';

/** How the program was started. */
interface Start {
  /** `process.env`: npm says there what it runs. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `process.argv[1]`. */
  readonly program: string | undefined;
  readonly folder: string;
}

/** In a clone, only npx finds the program; a user may also start its file with Node. */
export function ownNameOf({ environment, program = '', folder }: Start): string {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = environment;
  if (event === 'npx' && /^["']?bfm["']?(\s|$)/.test(script)) return 'npx bfm';
  return basename(program) === 'bfm.mjs' ? `node ${relative(folder, program)}` : 'bfm';
}

/** The name with which this process was started. */
export const ownName = ownNameOf({ environment: process.env, program: process.argv[1], folder: process.cwd() });

/**
 * A text in which command lines of bfm begin with its name as the user types it.
 *
 * @param commands the names of the commands: bfm in a sentence keeps its name
 */
export function inOwnName(text: string, commands: readonly string[], name = ownName): string {
  if (name === 'bfm') return text;
  const line = new RegExp(
    `(?<![\\w./@-])(?<!npx )bfm(?= (?:${commands.join('|')}|--help|\\[options\\])(?![\\w-]))`,
    'g',
  );
  return text.replace(line, name);
}
