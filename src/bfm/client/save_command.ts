// SPDX-License-Identifier: LGPL-2.1-only
import { resolve } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../failures/usage_error.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { takes, withHost } from './client_options.js';

/** The command `bfm save`: writes the machine in the background into a snapshot. */
export function saveCommand(): Command {
  const command = new Command('save')
    .description('save the machine and its VMM into a file, for --restore; they go on')
    .argument('<file>')
    .action(async (file: string) => {
      if (file === '') throw UsageError.ofOption('save', file, 'the name of a file');
      const path = resolve(file);
      const { instructions } = await withHost(command, (host) => host.request('save', { path }));
      process.stdout.write(`saved as ${path} after ${groupedDigits(instructions)} instructions\n`);
    });
  return takes(command, 'machine');
}
