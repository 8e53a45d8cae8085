// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync } from 'node:fs';
import { portableBundle } from '../../driver/node/load_module.js';
import type { Recording } from '../recording/read_recording.js';
import { RecordingError } from '../recording/recording_error.js';
import type { RecordedModule } from '../recording/recording_format.js';

/** Whether the code is that of a file of this computer, which its user runs anyway. */
async function isOwn({ path, sha256 }: RecordedModule): Promise<boolean> {
  if (!existsSync(path)) return false;
  const own = await portableBundle(path).catch(() => undefined);
  return own?.sha256 === sha256;
}

/**
 * A recording may bring code, and a replay runs it with all rights of its user.
 *
 * @throws RecordingError if it brings code that this computer does not have
 */
export async function refuseForeignCode({ file, header, entries }: Recording): Promise<void> {
  const modules = [...header.modules, ...entries.flatMap((entry) => (entry.kind === 'modules' ? entry.modules : []))];
  const brought = new Map(modules.filter(({ code }) => code !== undefined).map((module) => [module.sha256, module]));
  const foreign: RecordedModule[] = [];
  for (const module of brought.values()) if (!(await isOwn(module))) foreign.push(module);
  if (foreign.length === 0) return;
  const lines = foreign.map(({ path, code }) => `  ${path} (${code!.length} characters)`);
  const advice = 'add --allow-code if you trust the person who recorded it: the code runs with your rights';
  throw new RecordingError(
    `${file} brings code that is not the code of a file of this computer:\n${lines.join('\n')}\n${advice}`,
    {
      details: {
        where: file,
        found: `code: ${foreign.map(({ path }) => path).join(', ')}`,
        expected: '--allow-code',
        advice,
      },
    },
  );
}
