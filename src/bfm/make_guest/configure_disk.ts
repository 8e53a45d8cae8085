// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { GuestError } from '../guests/guest_error.js';
import { machineOptions } from '../run/machine_options.js';
import { checkRunOptions, type RunOptions } from '../run/run_options.js';
import { RunSession } from '../run/run_session.js';
import type { RunReport } from '../worker/run_request.js';
import { ConsoleReader } from './console_reader.js';
import type { Workshop } from './workshop.js';

/** The files and the command line of a guest whose disk is not configured yet. */
export interface UnconfiguredGuest {
  readonly kernel: string;
  /** None for a kernel that needs none. */
  readonly initrd?: string;
  readonly disk: string;
  readonly commandLine: string;
  readonly memory: string;
}

/** guests/debian/configure.sh prints this. */
const DONE = 'debian-disk: configured';
/** dpkg prints this of each package. */
const EACH = 'Setting up ';

/** The machine that runs the guest's first boot, which changes the disk. */
function firstBoot(
  { kernel, initrd, disk, commandLine, memory }: UnconfiguredGuest,
  console: ConsoleReader,
): RunSession {
  // Its files get dates of today.
  const now = new Date().toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length);
  const words = ['--kernel', kernel, '--disk', `${disk},write`, '--append', commandLine];
  if (initrd !== undefined) words.push('--initrd', initrd);
  words.push('--memory', memory, '--pace', 'fast', '--rtc', now);
  const command = machineOptions(new Command()).parse(words, { from: 'user' });
  const request = checkRunOptions(command.opts<RunOptions>(), false);
  return new RunSession(request, { console, vmm: console, colours: false });
}

/**
 * Boots the disk in the simulated PC, where dpkg configures the packages: no script of a package runs on the host, and no root is needed.
 *
 * @param packages how many there are @throws GuestError if they could not all be configured
 */
export async function configureDisk(guest: UnconfiguredGuest, packages: number, workshop: Workshop): Promise<void> {
  const { progress, signal } = workshop;
  signal.throwIfAborted();
  const console = new ConsoleReader(EACH);
  const session = firstBoot(guest, console);
  const stop = (): void => session.interrupt();
  signal.addEventListener('abort', stop);
  let report: RunReport;
  try {
    report = await progress.step(
      `configuring ${packages} packages in the simulated PC (this takes minutes)`,
      () => session.run(),
      () => `${console.count} of ${packages}`,
    );
  } finally {
    signal.removeEventListener('abort', stop);
  }
  signal.throwIfAborted();
  const found = console.lastLines.join('\n');
  if (report.outcome === 'powered-off' && console.lastLines.includes(DONE) && !found.includes('is not clean')) return;
  throw new GuestError(
    `the packages could not be configured (${report.outcome}); the last lines of the guest:\n${found}`,
    {
      details: {
        where: guest.disk,
        found,
        expected: DONE,
        advice: 'run it again; if it fails again, report these lines',
      },
    },
  );
}
