// SPDX-License-Identifier: LGPL-2.1-only
// Bareflank's commands that only ask the host: load, unload, start, stop, quick, status, dump, driver_unload.
import { stripVTControlCharacters } from 'node:util';
import { Command } from 'commander';
import { withoutForeignFrames } from '../../driver/node/user_frames.js';
import { toTheUser } from '../failures/command_names.js';
import { clientOptionsOf, takes, withHost } from './client_options.js';
import { ExitStatus } from '../failures/exit_status.js';
import { checkAll, checkEach } from '../options/check_all.js';
import { checkExtensionFolders, findModuleFile } from '../options/folders.js';
import { NoMachineError } from '../host/host_errors.js';
import type { HostMethod } from '../host/host_protocol.js';
import { parseHexadecimal } from '../options/number.js';
import { parseSettings } from '../options/settings.js';

/** A command without arguments that is one request. */
function simple(name: HostMethod, description: string): Command {
  const command = new Command(name).description(description).action(async () => {
    await withHost(command, (host) => host.request(name, {}));
  });
  return takes(command, 'machine');
}

interface LoadingOptions {
  readonly extensions: readonly string[];
  readonly set: readonly string[];
}

/** A command that takes module files. */
function loading(name: 'load' | 'quick', description: string): Command {
  const command = new Command(name)
    .description(description)
    .argument('<modules...>', 'module files, or names of extensions')
    .option('-e, --extensions <dir...>', 'another folder to look for extensions in; repeatable', [])
    .option('--set <name=value...>', 'value of a parameter that a module declares; repeatable', [])
    .action(async (modules: readonly string[], { extensions, set }: LoadingOptions) => {
      const { files, settings } = checkAll({
        settings: () => parseSettings(set, true),
        folders: () => checkExtensionFolders(extensions),
        files: () => checkEach(modules, (module) => findModuleFile(module, extensions, name)),
      });
      await withHost(command, async (host) => {
        await host.request('load', { files, settings });
        if (name === 'quick') await host.request('start', {});
      });
    });
  return takes(command, 'machine');
}

function dump(): Command {
  const command = new Command('dump').description("print a vCPU's debug ring").action(async () => {
    const vcpuid = parseHexadecimal(clientOptionsOf(command).vcpuid ?? '0', '--vcpuid');
    const { text } = await withHost(command, (host) => host.request('dump', { vcpuid: `0x${vcpuid.toString(16)}` }));
    const shown = process.env.BFM_TRACE === undefined ? withoutForeignFrames(text) : text;
    process.stdout.write(process.stdout.isTTY === true ? shown : stripVTControlCharacters(shown));
  });
  return takes(command, 'machine', 'vcpuid');
}

function status(done: (status: ExitStatus) => void): Command {
  const command = new Command('status').description('print the state of the VMM').action(async () => {
    try {
      const { state, ending, busy } = await withHost(command, (host) => host.request('status', {}));
      process.stdout.write(
        toTheUser(
          [
            state,
            ...(busy === undefined ? [] : [`${busy} is not finished`]),
            ...(ending === undefined ? [] : [`the guest has ended: ${ending}`]),
          ]
            .map((line) => `${line}\n`)
            .join(''),
        ),
      );
    } catch (error) {
      if (!(error instanceof NoMachineError)) throw error;
      // That there is no machine is a valid answer, not a failure.
      process.stdout.write(toTheUser(`${error.message}\n`));
      done(ExitStatus.Error);
    }
  });
  return takes(command, 'machine');
}

function driverUnload(): Command {
  const command = new Command('driver_unload')
    .description('stop and unload the VMM, and end the machine')
    .action(async () => {
      await withHost(command, (host) => host.request('remove', {}));
    });
  return takes(command, 'machine');
}

type Factory = (done: (status: ExitStatus) => void) => Command;

const factories: Readonly<Record<string, Factory>> = {
  driver_unload: () => driverUnload(),
  load: () => loading('load', 'load the VMM with these modules; a VMM that is loaded or runs is unloaded first'),
  unload: () => simple('unload', 'unload the VMM; if it runs, it is stopped first'),
  start: () => simple('start', 'start the VMM; if it runs, it is stopped first'),
  stop: () => simple('stop', 'stop the VMM if it runs'),
  quick: () => loading('quick', 'load and start'),
  status,
  dump: () => dump(),
};

/** One of the commands of this file. @param done takes the exit status of `status`. */
export function vmmCommand(name: string, done: (status: ExitStatus) => void): Command {
  return factories[name]!(done);
}
