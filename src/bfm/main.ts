// SPDX-License-Identifier: LGPL-2.1-only
// The entry of the program. All that takes time to load comes after the interrupts.
import { ExitStatus } from './failures/exit_status.js';
import { listenForInterrupts } from './console/interrupts.js';

listenForInterrupts();

/** Nobody reads our output any more (`| head`), or the disk is full: the program ends, if possible with a message. */
function endWithoutOutput(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') process.stderr.write(`bfm: the output cannot be written: ${error.message}\n`);
  process.exit(ExitStatus.Error);
}

process.stdout.on('error', endWithoutOutput);
process.stderr.on('error', () => process.exit(ExitStatus.Error));
const { runCommandLine } = await import('./cli/command_line.js');
process.exitCode = await runCommandLine(process.argv.slice(2));
