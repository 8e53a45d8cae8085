// SPDX-License-Identifier: LGPL-2.1-only
import { mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { whyNotPrivateFolder } from '../../driver/node/private_folder.js';
import { FileError } from '../failures/file_error.js';
import { LONGEST_SOCKET_PATH } from '../gdb/gdb_address.js';
import { UsageError } from '../failures/usage_error.js';

/** The folder of the sockets: $XDG_RUNTIME_DIR/bareflank, or /tmp/bareflank-UID. Makes it, for its owner only. @throws FileError */
export function runtimeFolder(): string {
  const base = process.env.XDG_RUNTIME_DIR;
  const path =
    base === undefined || base === '' ? `/tmp/bareflank-${process.getuid?.() ?? 0}` : join(base, 'bareflank');
  if (!isAbsolute(path))
    throw new FileError(`XDG_RUNTIME_DIR is ${base}: it must be an absolute path; without it sockets are in /tmp`);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = base === undefined ? '' : '; XDG_RUNTIME_DIR must name an existing folder that belongs to you';
    if (code !== 'EEXIST') throw new FileError(`${path} cannot be made: ${message}${advice}`, { causedBy: error });
  }
  const flaw = whyNotPrivateFolder(path);
  if (flaw !== undefined) throw new FileError(`${flaw}: the sockets of machines belong there`);
  return path;
}

/** The socket of a machine. @throws UsageError for an impossible name, FileError for an impossible folder */
export function socketPath(machine: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(machine))
    throw UsageError.ofOption('--machine', machine, "a name of letters, digits, '_', '-' and '.'");
  const path = join(runtimeFolder(), `${machine}.sock`);
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    throw new FileError(
      `${path} is too long for a socket (at most ${LONGEST_SOCKET_PATH} bytes): use a shorter --machine, or a shorter XDG_RUNTIME_DIR`,
    );
  return path;
}
