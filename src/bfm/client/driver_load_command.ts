// SPDX-License-Identifier: LGPL-2.1-only
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { gdbHint } from '../gdb/gdb_address.js';
import { machineName, takes } from './client_options.js';
import { backgroundGdbAddress, gdbAddressHelp } from './gdb_command.js';
import { HostClient } from './host_client.js';
import { HostError, MachineRunsError } from '../host/host_errors.js';
import type { HostStart, HostStartMessage } from '../host/host_protocol.js';
import { socketPath } from '../host/runtime_folder.js';
import { machineOptions, watchOption } from '../run/machine_options.js';
import { checkRunOptions, type RunOptions } from '../run/run_options.js';

/** The default guest: it sleeps, and echoes what is typed at its console. */
const DEFAULT_GUEST = 'echo';

const EXAMPLES = `
Examples:
  bfm driver_load                                     a machine with a guest that echoes what is typed
  bfm driver_load --kernel vmlinuz --memory 512M --append "console=ttyS0"
  bfm load cpuidcount && bfm start && bfm vmcall string json '{"get":"count"}'
  bfm save machine.snapshot && bfm driver_load --machine two --restore machine.snapshot -m cpuidcount
  bfm driver_unload
`;

/** Starts the host, detached. @returns when its machine runs, where GDB finds it. @throws HostError with its message */
async function startHost(start: HostStart): Promise<string | undefined> {
  const file = fileURLToPath(new URL('../host/host_process.js', import.meta.url));
  // The path is for people who look for the process.
  const child = spawn(process.execPath, [file, start.path], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    const word = firstWord(child);
    // By pipe, not by command line: the guest's own command line may be longer than the system's limit for one.
    child.send(start, () => {});
    return await word;
  } finally {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function firstWord(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: HostStartMessage) => {
      if ('ready' in message) resolve(message.gdbTarget);
      else reject(new HostError(message.failed));
    });
    child.once('error', (error) => reject(new HostError(`the background host did not start: ${error.message}`)));
    child.once('exit', (status) => reject(new HostError(`the background host ended at once (status ${status})`)));
  });
}

/** The command `bfm driver_load`: starts the background host that owns a machine. */
export function driverLoadCommand(): Command {
  const command = machineOptions(new Command('driver_load'))
    .description('start a machine in the background, for load, start, vmcall and the other commands')
    .option(...watchOption)
    .option('--gdb [address]', `a port for GDB, as bfm gdb opens one: ${gdbAddressHelp}`)
    .option('--wait', 'with --gdb: execute nothing until GDB lets the machine go on')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions) => {
      const { guest, kernel, restore } = options;
      const given = (guest ?? kernel ?? restore) === undefined ? { ...options, guest: DEFAULT_GUEST } : options;
      const request = checkRunOptions(given, true);
      const machine = machineName(command);
      const path = socketPath(machine);
      const running = await HostClient.find(machine);
      running?.close();
      if (running !== undefined) throw new MachineRunsError(machine);
      const { gdb } = options;
      const target = await startHost({
        request,
        path,
        watches: options.watch === true,
        gdb: gdb === undefined ? undefined : backgroundGdbAddress(gdb),
      });
      if (target !== undefined) process.stderr.write(`bfm: ${gdbHint(target)}\n`);
    });
  return takes(command, 'machine');
}
