// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { checkAll, checkEach } from '../options/check_all.js';
import { checkExtensionFolders, findModuleFile } from '../options/folders.js';
import { reloadLine } from '../worker/reload_line.js';
import { takes, withHost } from './client_options.js';

interface ReloadOptions {
  readonly extensions: readonly string[];
}

const EXAMPLES = `
The state of the VMM goes on: fields marked @state(), and requests to Ept, MsrBitmap and so on. Contributions that are new are set up once.
If the new code does not compile or does not fit the state, it is refused, and the old code goes on. See docs/hot_reload.md.
`;

/** The command `bfm reload`: new code for the VMM of the machine in the background, while it runs. */
export function reloadCommand(): Command {
  const command = new Command('reload')
    .description(
      "replace the code of the VMM's modules by what their files contain now, or by other modules; the VMM's state is kept",
    )
    .argument(
      '[modules...]',
      'module files, or names of extensions, that the VMM has from now on (default: those that it has)',
    )
    .option('-e, --extensions <dir...>', 'another folder to look for extensions in; repeatable', [])
    .addHelpText('after', EXAMPLES)
    .action(async (modules: readonly string[], { extensions }: ReloadOptions) => {
      const { files } = checkAll({
        folders: () => checkExtensionFolders(extensions),
        files: () => checkEach(modules, (module) => findModuleFile(module, extensions, 'reload')),
      });
      const params = files.length === 0 ? {} : { files };
      const reloaded = await withHost(command, (host) => host.request('reload', params));
      process.stdout.write(`${reloadLine(reloaded)}\n`);
    });
  return takes(command, 'machine');
}
