// SPDX-License-Identifier: LGPL-2.1-only
import { Command, CommanderError } from 'commander';
import { acceptClientOptions } from './client_options.js';
import { completionCommand } from './completion_command.js';
import { consoleCommand } from './console_command.js';
import { describeCommand } from './describe_command.js';
import { driverLoadCommand } from './driver_load_command.js';
import { ExitStatus } from './exit_status.js';
import { newCommand } from './new_command.js';
import { runCommand } from './run_command.js';
import { testCommand } from './test_command.js';
import { UsageError } from './usage_error.js';
import { vmcallCommand } from './vmcall_command.js';
import { vmmCommands } from './vmm_commands.js';

/** Prints one message for a person; the stack is for us, on demand. */
function complain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`bfm: ${message}\n`);
  if (error instanceof UsageError) process.stderr.write("Try 'bfm --help' for more information.\n");
  if (process.env.BFM_TRACE !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
}

/** Adds a command that was made apart, with what its own commands shall inherit. */
function adopt(parent: Command, command: Command): void {
  const inherit = (from: Command, to: Command): void => {
    to.copyInheritedSettings(from);
    for (const each of to.commands) inherit(to, each);
  };
  inherit(parent, command);
  parent.addCommand(command);
}

/** Runs the command line. @returns the exit status. */
export async function main(args: readonly string[]): Promise<ExitStatus> {
  let status = ExitStatus.Reached;
  const program = new Command('bfm')
    .description('Bareflank manager: runs guests and hypervisors on a simulated x86-64 PC with VT-x')
    .showHelpAfterError("Try 'bfm --help' for more information.")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'bfm: ')) })
    .exitOverride();
  acceptClientOptions(program);
  const done = (result: ExitStatus): void => void (status = result);
  const commands = [
    ...[runCommand(done), describeCommand(), driverLoadCommand(), ...vmmCommands(done)],
    ...[vmcallCommand(), consoleCommand(done), newCommand(), testCommand(done), completionCommand(program)],
  ];
  for (const command of commands) adopt(program, command);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.Reached : ExitStatus.Usage;
    complain(error);
    return error instanceof UsageError ? ExitStatus.Usage : ExitStatus.Error;
  }
}

/** Nobody reads our output any more (`| head`), or the disk is full: there is nothing left to do, nor always a place to say so. */
function endWithoutOutput(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') process.stderr.write(`bfm: the output cannot be written: ${error.message}\n`);
  process.exit(ExitStatus.Error);
}

process.stdout.on('error', endWithoutOutput);
process.stderr.on('error', () => process.exit(ExitStatus.Error));
process.exitCode = await main(process.argv.slice(2));
