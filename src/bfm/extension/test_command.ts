// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Bundle } from '../../driver/node/module_cache.js';
import { ExitStatus } from '../failures/exit_status.js';
import { FileError } from '../failures/file_error.js';

function mochaPath(): string {
  try {
    return createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  } catch {
    throw new FileError('bfm test needs mocha, chai and sinon, which npm ci installs with the framework');
  }
}

const guard = fileURLToPath(new URL('./spec_guard.js', import.meta.url));

/** The command `bfm test`: runs users' specs, which need no package.json and no node_modules in their folder. */
export function testCommand(done: (status: ExitStatus) => void): Command {
  return new Command('test')
    .description('run Mocha specs of extensions')
    .argument('<spec...>', 'TypeScript or JavaScript files')
    .action(async (specs: string[]) => {
      // Loaded only here: bundler and containers would take two thirds of the time of every other command.
      const { bundleFile } = await import('../../driver/node/load_module.js');
      const bundles: Bundle[] = [];
      try {
        for (const spec of specs) bundles.push(await bundleFile(spec));
        const paths = bundles.map(({ path }) => path);
        const options = [
          '--enable-source-maps',
          mochaPath(),
          '--no-config',
          '--fail-zero',
          '--require',
          guard,
          ...paths,
        ];
        const { status } = spawnSync(process.execPath, options, { stdio: 'inherit' });
        done(status === 0 ? ExitStatus.Reached : ExitStatus.Error);
      } finally {
        for (const bundle of bundles) bundle[Symbol.dispose]();
      }
    });
}
