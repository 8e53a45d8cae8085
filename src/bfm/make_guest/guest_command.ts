// SPDX-License-Identifier: LGPL-2.1-only
import { Argument, Command } from 'commander';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { whileInterruptsGoTo } from '../console/interrupts.js';
import { ExitStatus } from '../failures/exit_status.js';
import { ownName } from '../failures/own_name.js';
import { UsageError } from '../failures/usage_error.js';
import { GuestCache } from '../guests/guest_cache.js';
import { guestCatalog, type GuestEntry, type GuestName } from '../guests/guest_catalog.js';
import { GuestError } from '../guests/guest_error.js';
import { makeDebian } from './make_debian.js';
import { makeDebianDisk } from './make_debian_disk.js';
import { Progress } from './progress.js';
import type { Workshop } from './workshop.js';

const DISK: GuestName = 'debian-disk';
/** The kernel and busybox; the packages of a disk are counted. */
const SHOWN_PACKAGES = 2;

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** Says of each guest whether it is in the cache. */
function list(cache: GuestCache): void {
  for (const entry of Object.values(guestCatalog))
    process.stdout.write(`${entry.name}: ${entry.description}\n  ${state(cache, entry)}\n`);
}

function state(cache: GuestCache, entry: GuestEntry): string {
  try {
    const found = cache.find(entry);
    if (found === undefined) return `not made yet: ${ownName} guest ${entry.name} makes it`;
    const { packages } = found;
    const rest = packages.length > SHOWN_PACKAGES ? ` and ${packages.length - SHOWN_PACKAGES} others` : '';
    return `${found.folder} (${megabytes(found.bytes)}): ${packages.slice(0, SHOWN_PACKAGES).join(', ')}${rest}`;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    return error.message;
  }
}

type Maker = (entry: GuestEntry, workshop: Workshop) => Promise<readonly string[]>;

const makers: Readonly<Record<GuestName, Maker>> = { debian: makeDebian, 'debian-disk': makeDebianDisk };

const useOf = ({ name }: GuestEntry): string => `${ownName} run --guest ${name} -m cpuidcount`;

/** Whether a guest is in the cache as this version makes it, with at least the packages that are wanted. A damaged one is not. */
function isKept(cache: GuestCache, entry: GuestEntry, wanted: readonly string[]): boolean {
  try {
    const found = cache.find(entry);
    return found !== undefined && wanted.every((name) => found.packages.some((each) => each.startsWith(`${name}_`)));
  } catch (error) {
    if (error instanceof GuestError) return false;
    throw error;
  }
}

async function make(cache: GuestCache, name: GuestName, extra: readonly string[], signal: AbortSignal): Promise<void> {
  const entry = guestCatalog[name];
  const progress = new Progress(process.stderr, process.stderr.isTTY === true);
  await cache.keep(entry, async (result) => {
    const work = join(result, 'work');
    mkdirSync(work);
    const packages = await makers[name](entry, { result, work, progress, signal, extraPackages: extra });
    signal.throwIfAborted();
    rmSync(work, { recursive: true });
    return packages;
  });
  process.stdout.write(`${entry.name}: ${state(cache, entry)}\n  ${useOf(entry)}\n`);
}

/** Makes a guest, unless Ctrl-C comes. */
async function makeOrStop(cache: GuestCache, name: GuestName, extra: readonly string[]): Promise<ExitStatus> {
  const abort = new AbortController();
  try {
    await whileInterruptsGoTo(
      () => abort.abort(),
      () => make(cache, name, extra, abort.signal),
    );
    return ExitStatus.Reached;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.stderr.write(`bfm: guest ${name} was interrupted; nothing of it was kept\n`);
    return ExitStatus.Interrupted;
  }
}

function remove(cache: GuestCache, entry: GuestEntry): void {
  process.stdout.write(cache.remove(entry) ? `${entry.name} is removed\n` : `${entry.name} was not there\n`);
}

function tellKept(cache: GuestCache, entry: GuestEntry): void {
  const again = `${ownName} guest ${entry.name} --again makes it again, from the present packages`;
  const lines = [`${entry.name} is kept and up to date: ${state(cache, entry)}`, useOf(entry), again];
  process.stdout.write(`${lines.join('\n  ')}\n`);
}

interface GuestOptions {
  readonly remove: boolean;
  readonly again: boolean;
  readonly with: readonly string[];
}

async function act(name: GuestName | undefined, options: GuestOptions): Promise<ExitStatus> {
  const cache = new GuestCache();
  if (options.with.length > 0 && (name !== DISK || options.remove))
    throw new UsageError(`--with is for making ${DISK}: bfm guest ${DISK} --with PACKAGE`);
  if (options.remove && options.again) throw new UsageError('--remove and --again exclude each other');
  for (const flag of ['remove', 'again'] as const)
    if (options[flag] && name === undefined) throw new UsageError(`guest --${flag} wants the name of a guest`);
  if (name === undefined) list(cache);
  else if (options.remove) remove(cache, guestCatalog[name]);
  else if (!options.again && isKept(cache, guestCatalog[name], options.with)) tellKept(cache, guestCatalog[name]);
  else return makeOrStop(cache, name, options.with);
  return ExitStatus.Reached;
}

/** The command `bfm guest`: makes Debian guests from Debian's packages. @param done takes its exit status. */
export function guestCommand(done: (status: ExitStatus) => void): Command {
  return new Command('guest')
    .description("make a Debian guest for --guest, from the packages of the host's apt, or list the guests")
    .addArgument(new Argument('[name]', 'the guest to make').choices(Object.keys(guestCatalog)))
    .option('--with <package...>', `more Debian packages on the disk of ${DISK}; repeatable`, [])
    .option('--again', 'make it again, also if it is kept and up to date', false)
    .option('--remove', 'remove the guest from the cache instead', false)
    .action(async (name: GuestName | undefined, options: GuestOptions) => done(await act(name, options)));
}
