// SPDX-License-Identifier: LGPL-2.1-only
import { Argument, Command } from 'commander';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { whileInterruptsGoTo } from '../console/interrupts.js';
import { ExitStatus } from '../failures/exit_status.js';
import { UsageError } from '../failures/usage_error.js';
import { GuestCache } from './guest_cache.js';
import { guestCatalog, type GuestEntry } from './guest_catalog.js';
import { GuestError } from './guest_error.js';
import { makeDebian } from './make_debian.js';
import { Progress } from './progress.js';

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** Says of each guest whether it is in the cache. */
function list(cache: GuestCache): void {
  for (const entry of Object.values(guestCatalog))
    process.stdout.write(`${entry.name}: ${entry.description}\n  ${state(cache, entry)}\n`);
}

function state(cache: GuestCache, entry: GuestEntry): string {
  try {
    const found = cache.find(entry);
    if (found === undefined) return `not made yet: bfm guest ${entry.name} makes it`;
    return `${found.folder} (${megabytes(found.bytes)}): ${found.packages.join(', ')}`;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    return error.message;
  }
}

async function make(cache: GuestCache, entry: GuestEntry, signal: AbortSignal): Promise<void> {
  const progress = new Progress(process.stderr, process.stderr.isTTY === true);
  await cache.keep(entry, async (result) => {
    const work = join(result, 'work');
    mkdirSync(work);
    const packages = await makeDebian(entry, { result, work, progress, signal });
    signal.throwIfAborted();
    rmSync(work, { recursive: true });
    return packages;
  });
  process.stdout.write(`${entry.name}: ${state(cache, entry)}\n  npx bfm run --guest ${entry.name} -m cpuidcount\n`);
}

/** Makes a guest, unless Ctrl-C comes. */
async function makeOrStop(cache: GuestCache, entry: GuestEntry): Promise<ExitStatus> {
  const abort = new AbortController();
  try {
    await whileInterruptsGoTo(
      () => abort.abort(),
      () => make(cache, entry, abort.signal),
    );
    return ExitStatus.Reached;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.stderr.write(`bfm: guest ${entry.name} was interrupted; nothing of it was kept\n`);
    return ExitStatus.Interrupted;
  }
}

function remove(cache: GuestCache, entry: GuestEntry): void {
  process.stdout.write(cache.remove(entry) ? `${entry.name} is removed\n` : `${entry.name} was not there\n`);
}

/** The command `bfm guest`: makes Debian guests from Debian's packages. @param done takes its exit status. */
export function guestCommand(done: (status: ExitStatus) => void): Command {
  return new Command('guest')
    .description("make a Debian guest for --guest, from the packages of the host's apt, or list the guests")
    .addArgument(new Argument('[name]', 'the guest to make').choices(Object.keys(guestCatalog)))
    .option('--remove', 'remove the guest from the cache instead', false)
    .action(async (name: string | undefined, { remove: isRemoved }: { readonly remove: boolean }) => {
      const cache = new GuestCache();
      const entry = name === undefined ? undefined : guestCatalog[name]!;
      if (entry === undefined && isRemoved) throw new UsageError('guest --remove wants the name of a guest');
      if (entry === undefined) list(cache);
      else if (isRemoved) remove(cache, entry);
      else done(await makeOrStop(cache, entry));
    });
}
