// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { whyNotPrivateFolder } from '../../driver/node/private_folder.js';
import { FileError } from '../failures/file_error.js';
import { UsageError } from '../failures/usage_error.js';

/** Where GDB connects to. */
export type GdbAddress =
  { readonly kind: 'tcp'; readonly port: number } | { readonly kind: 'unix'; readonly path: string };

/** The port of `--gdb` without a value, which QEMU's users know too. */
export const DEFAULT_GDB_PORT = 1234;
/** Of TCP. */
export const LARGEST_PORT = 65535;
/** Bytes of the longest path of a Unix socket that all systems take. A longer one would be cut without a word. */
export const LONGEST_SOCKET_PATH = 103;
const UNIX = 'unix:';
const WANTED = `a port from 0 to ${LARGEST_PORT} (0: any), or unix:PATH`;

/**
 * What `--gdb` says; `true` is the option without a value.
 *
 * @param option as a message names it. @throws UsageError, FileError for a folder that is not private
 */
export function parseGdbAddress(value: string | true, option = '--gdb'): GdbAddress {
  if (value === true) return { kind: 'tcp', port: DEFAULT_GDB_PORT };
  if (value.startsWith(UNIX)) return unixAddress(value, option);
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : NaN;
  if (Number.isNaN(port) || port > LARGEST_PORT) throw UsageError.ofOption(option, value, WANTED);
  return { kind: 'tcp', port };
}

function unixAddress(value: string, option: string): GdbAddress {
  const text = value.slice(UNIX.length);
  if (text === '') throw UsageError.ofOption(option, value, WANTED);
  const path = resolve(text);
  checkSocketPath(path, `${option} ${value}`);
  return { kind: 'unix', path };
}

/** Whether a socket may be made at a path. @param who begins the message. @throws FileError */
export function checkSocketPath(path: string, who: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) throw new FileError(`${who}: there is no folder ${folder}`);
  // A user who can write there could put another socket in its place.
  const flaw = whyNotPrivateFolder(folder);
  if (flaw !== undefined) throw new FileError(`${who}: ${flaw}: a socket belongs in a folder of your own`);
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    throw new FileError(`${who}: ${path} is too long for a socket: at most ${LONGEST_SOCKET_PATH} bytes`);
  if (existsSync(path)) throw new FileError(`${who}: ${path} exists already: remove it, or choose another name`);
}

/** What a user types into GDB. */
export const gdbHint = (target: string): string => `waits for GDB: gdb -ex 'target remote ${target}'`;
