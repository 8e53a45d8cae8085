// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { gdbHint, parseGdbAddress } from '../gdb/gdb_address.js';
import type { HostRequests } from '../host/host_protocol.js';
import { takes, withHost } from './client_options.js';

/** Closes the port. */
const OFF = 'off';

/** What an address may be. */
export const gdbAddressHelp = 'a port of 127.0.0.1, or unix:PATH (default: a private socket of the machine)';

const EXAMPLES = `
The machine runs on until GDB attaches. While GDB holds it, dump, eval, status and console work. A command that acts on the machine, such as
vmcall, start or save, may be refused until the guest runs on. In GDB, 'detach' lets the machine run on, and 'kill' ends it as
bfm driver_unload does. See docs/gdb.md.
`;

/** What `--gdb` of a machine in the background says. @throws UsageError, FileError */
export function backgroundGdbAddress(value: string | true, option?: string): HostRequests['gdb']['params'] {
  return value === true ? {} : { address: parseGdbAddress(value, option) };
}

/** The command `bfm gdb`: a port for GDB at the machine in the background. */
export function gdbCommand(): Command {
  const command = new Command('gdb')
    .description('open a port for GDB at the machine in the background, or close it')
    .argument('[address]', `${gdbAddressHelp}; "${OFF}" closes the port`)
    .addHelpText('after', EXAMPLES)
    .action(async (address: string | undefined) => {
      if (address === OFF) {
        await withHost(command, (host) => host.request('closeGdb', {}));
        return;
      }
      const params = backgroundGdbAddress(address ?? true, 'gdb');
      const { target } = await withHost(command, (host) => host.request('gdb', params));
      process.stdout.write(`${gdbHint(target)}\n`);
    });
  return takes(command, 'machine');
}
