// SPDX-License-Identifier: LGPL-2.1-only
import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { GuestError } from '../guests/guest_error.js';

/** The Debian package that each tool comes with. */
const packages: Readonly<Record<string, string>> = {
  'apt-get': 'apt',
  'apt-cache': 'apt',
  'dpkg-deb': 'dpkg',
  debugfs: 'e2fsprogs',
  mke2fs: 'e2fsprogs',
  xz: 'xz-utils',
};

/** What a tool's complaint means for the user. The first that fits counts. */
const causes: readonly (readonly [complaint: RegExp, advice: string])[] = [
  [
    /No space left on device|enough free space|quota exceeded/i,
    'make room on that disk, or let XDG_CACHE_HOME name a folder on another one',
  ],
  [
    /Unable to locate package|No packages found|no installation candidate|can't select candidate|404 +Not Found/i,
    "run apt-get update as root: the host's apt needs Debian's package lists for amd64",
  ],
  [
    /resolv|Failed to fetch|Unable to fetch|Could not connect|Connection (failed|refused|timed out)|unreachable/i,
    'check the network connection and the proxy settings of apt, then try again',
  ],
];

/** Tools of the system administrator are not in the PATH of other users. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

/** Where and how a tool runs. */
export interface ToolPlace {
  /** Its current folder. */
  readonly folder: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

function cannotRun(command: string, error: Error): GuestError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const name = packages[command];
  const advice = `install the Debian package ${name}, or boot files from elsewhere by --kernel and --initrd`;
  const found = isMissing ? 'there is no such program' : error.message;
  return new GuestError(`${command} cannot be run: ${found}${name === undefined ? '' : `; ${advice}`}`, {
    causedBy: error,
    details: { where: command, found, ...(name !== undefined && { advice }) },
  });
}

function failed(command: string, args: readonly string[], how: string, complaint: string): GuestError {
  const lines = complaint.split('\n').filter((line) => line.trim() !== '');
  const found = lines.slice(-3).join('\n') || how;
  const advice = causes.find(([pattern]) => pattern.test(complaint))?.[1];
  const message = `${[command, ...args].join(' ')} failed (${how})${lines.length === 0 ? '' : `:\n${found}`}`;
  return new GuestError(advice === undefined ? message : `${message}\nWhat to do: ${advice}.`, {
    details: { where: command, found, ...(advice !== undefined && { advice }) },
  });
}

/**
 * Runs a program of the host to its end, in the C locale, because its messages are read.
 *
 * @returns its standard output. @throws GuestError if it cannot be run or fails
 */
export async function runTool(command: string, args: readonly string[], place: ToolPlace): Promise<Buffer> {
  place.signal.throwIfAborted();
  const output: Buffer[] = [];
  let complaint = '';
  let failure: GuestError | undefined;
  const how = await new Promise<string | undefined>((done) => {
    const child = spawn(command, args, {
      cwd: place.folder,
      env: { ...process.env, PATH: [process.env.PATH, ...SYSTEM_FOLDERS].join(delimiter), LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: place.signal,
    });
    child.stdout.on('data', (data: Buffer) => output.push(data));
    child.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
    child.on('error', (error) => (failure = cannotRun(command, error)));
    // It comes after `error` too. Nobody may remove the tool's files before.
    child.on('close', (status, signal) => done(status === 0 ? undefined : `${signal ?? `status ${status}`}`));
  });
  place.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  if (how !== undefined) throw failed(command, args, how, complaint);
  return Buffer.concat(output);
}
