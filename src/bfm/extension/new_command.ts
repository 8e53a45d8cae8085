// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { makeExtension } from './new_extension.js';
import { ownName } from '../failures/own_name.js';

/** A checkout of the framework has a folder for extensions. */
function defaultParent(): string {
  const extensions = join(process.cwd(), 'extensions');
  return existsSync(extensions) ? extensions : process.cwd();
}

/** The command `bfm new`: makes the files that users start with. */
export function newCommand(): Command {
  const command = new Command('new').description('make a new extension');
  command
    .command('extension')
    .description('make a folder hypervisor_NAME that builds, loads and passes its own test')
    .argument('<name>', 'lower-case words, joined by _')
    .option('-C, --directory <dir>', 'where to make it (default: extensions/ if that exists, else here)')
    .action((name: string, { directory }: { directory?: string }) => {
      const folder = makeExtension(name, directory === undefined ? defaultParent() : resolve(directory));
      const path = relative('.', folder) || '.';
      process.stdout.write(
        `made ${path}\n  ${ownName} run --guest cpuid --append 1000 -m ${path}/${name}.modules --stats\n  ${ownName} test ${path}/${name}.spec.ts\n`,
      );
    });
  return command;
}
