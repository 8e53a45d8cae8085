// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../driver/node/package_paths.js';
import type { RunRequest } from '../worker/run_request.js';
import type { RecordedFile } from './recording_format.js';

const CHUNK = 1 << 20;

/** SHA-256 of a file's content. @throws the system's error */
export function hashOfFile(path: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK);
  const descriptor = openSync(path, 'r');
  try {
    for (let count = readSync(descriptor, chunk); count > 0; count = readSync(descriptor, chunk))
      hash.update(chunk.subarray(0, count));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

/** The files that a machine reads, other than its modules. */
export function filesOf({ kernel, initrd = [], disks = [], virtioConsole, symbols = [] }: RunRequest): string[] {
  const typed = virtioConsole?.input;
  const all = [
    kernel,
    ...initrd.map(({ file }) => file),
    ...disks.map(({ path }) => path),
    ...symbols.map(({ file }) => file),
  ];
  return [...new Set([...all, ...(typed === undefined ? [] : [typed])])];
}

/** The same with the hashes of their contents. */
export const recordedFilesOf = (request: RunRequest): RecordedFile[] =>
  filesOf(request).map((path) => ({ path, sha256: hashOfFile(path) }));

/** The hash of the compiled processor core, which decides what a run is. */
export const hashOfCore = (): string => hashOfFile(join(packageRoot, 'build', 'cpu', 'cpu.wasm'));
