// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, constants, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import type { ConsolePort } from '../../machine/devices/virtio/virtio_console.js';
import { FileError } from '../failures/file_error.js';

/** What `--virtio-console` named. Absolute paths. */
export interface ConsoleRequest {
  readonly output: string;
  readonly input?: string;
}

function reasonOf(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENXIO')
    return 'it is a pipe that no program reads; start the reader first';
  return error instanceof Error ? error.message : String(error);
}

/** @param what of the sentence "… cannot be …" @throws FileError */
function attempt<T>(path: string, what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const found = reasonOf(error);
    throw new FileError(`--virtio-console: ${path} cannot be ${what}: ${found}`, {
      causedBy: error,
      details: { where: path, found },
    });
  }
}

/** Opens a file, whose contents are replaced. A pipe that nobody reads would block this thread for ever. @throws if it cannot be opened */
function openOutput(path: string): number {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return openSync(path, 'w');
  // Fails at once if there is no reader. It stays open until the pipe is open for writes that wait for the reader.
  const probe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    return openSync(path, 'w');
  } finally {
    closeSync(probe);
  }
}

function typedOf({ input }: ConsoleRequest): Uint8Array {
  return input === undefined ? new Uint8Array() : attempt(input, 'read', () => readFileSync(input));
}

/** Connects a console to what a file has. What the guest prints goes nowhere. @throws FileError */
export function consoleOfFile(request: ConsoleRequest): ConsolePort {
  return { input: typedOf(request), output: () => {} };
}

/** Connects a console to files: what the guest prints replaces the contents of one, and what another one has is typed. @throws FileError */
export function openConsole(request: ConsoleRequest): ConsolePort {
  const { output } = request;
  const typed = typedOf(request);
  const descriptor = attempt(output, 'written', () => openOutput(output));
  return {
    input: typed,
    output: (bytes) =>
      attempt(output, 'written', () => {
        for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      }),
  };
}
