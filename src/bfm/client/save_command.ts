// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { groupedDigits } from '../../session/grouped_digits.js';
import { snapshotOutput } from '../snapshot/snapshot_output.js';
import { takes, withHost } from './client_options.js';

/** The command `bfm save`: writes the machine in the background into a snapshot. */
export function saveCommand(): Command {
  const command = new Command('save')
    .description('save the machine and its VMM into a file, for --restore; the machine keeps running')
    .argument('<file>')
    .action(async (file: string) => {
      const path = snapshotOutput('save', file);
      const { instructions } = await withHost(command, (host) => host.request('save', { path }));
      process.stdout.write(`saved as ${path} after ${groupedDigits(instructions)} instructions\n`);
    });
  return takes(command, 'machine');
}
