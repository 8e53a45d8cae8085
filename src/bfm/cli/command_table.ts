// SPDX-License-Identifier: LGPL-2.1-only
import type { Command } from 'commander';
import type { ExitStatus } from '../failures/exit_status.js';
import { commandNames, type CommandName } from '../failures/command_names.js';

/** Options of a command. */
export interface CommandContext {
  /** Takes the exit status of a command that has its own. */
  readonly done: (status: ExitStatus) => void;
  /** The whole command line, for callers that need all commands. */
  readonly program: Command;
}

type Loader = (context: CommandContext) => Promise<Command>;

/** One of the commands that only ask the host. */
function vmm(name: string): Loader {
  return async ({ done }) => (await import('../client/vmm_commands.js')).vmmCommand(name, done);
}

/**
 * How to get each command. A command and its imports are loaded only when it is called: otherwise half of a short
 * command's time would go into the imports of the others.
 */
export const commandTable: Readonly<Record<CommandName, Loader>> = {
  run: async ({ done }) => (await import('../run/run_command.js')).runCommand(done),
  replay: async ({ done }) => (await import('../replay/replay_command.js')).replayCommand(done),
  explore: async ({ done }) => (await import('../explore/explore_command.js')).exploreCommand(done),
  guest: async ({ done }) => (await import('../make_guest/guest_command.js')).guestCommand(done),
  describe: async () => (await import('../describe/describe_command.js')).describeCommand(),
  driver_load: async () => (await import('../client/driver_load_command.js')).driverLoadCommand(),
  driver_unload: vmm('driver_unload'),
  load: vmm('load'),
  reload: async () => (await import('../client/reload_command.js')).reloadCommand(),
  unload: vmm('unload'),
  start: vmm('start'),
  stop: vmm('stop'),
  quick: vmm('quick'),
  status: vmm('status'),
  dump: vmm('dump'),
  save: async () => (await import('../client/save_command.js')).saveCommand(),
  eval: async () => (await import('../client/eval_command.js')).evalCommand(),
  gdb: async () => (await import('../client/gdb_command.js')).gdbCommand(),
  vmcall: async () => (await import('../client/vmcall_command.js')).vmcallCommand(),
  console: async ({ done }) => (await import('../client/console_command.js')).consoleCommand(done),
  new: async () => (await import('../extension/new_command.js')).newCommand(),
  test: async ({ done }) => (await import('../extension/test_command.js')).testCommand(done),
  completion: async ({ program }) => (await import('./completion_command.js')).completionCommand(program),
};

/**
 * The commands that a command line needs: the one that it names, or all of them if it names none or asks about all.
 *
 * @param withValue options before the command's name that take a value: `--machine`.
 */
export function commandsFor(args: readonly string[], withValue: readonly string[]): readonly CommandName[] {
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (withValue.includes(word)) at++;
    else if (!word.startsWith('-')) {
      const named = commandNames.find((name) => name === word);
      return named !== undefined && named !== 'completion' ? [named] : commandNames;
    }
  }
  return commandNames;
}
