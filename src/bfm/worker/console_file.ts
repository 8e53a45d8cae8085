// SPDX-License-Identifier: LGPL-2.1-only
import { openSync, readFileSync, writeSync } from 'node:fs';
import type { ConsolePort } from '../../machine/devices/virtio/virtio_console.js';
import { FileError } from '../failures/file_error.js';

/** What `--virtio-console` named. Absolute paths. */
export interface ConsoleRequest {
  readonly output: string;
  readonly input?: string;
}

/** @param what of the sentence "… cannot be …" @throws FileError */
function attempt<T>(path: string, what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new FileError(`--virtio-console: ${path} cannot be ${what}: ${found}`, {
      causedBy: error,
      details: { where: path, found },
    });
  }
}

/** Connects a console to files: what the guest prints replaces the contents of one, and what another one has is typed. @throws FileError */
export function openConsole({ output, input }: ConsoleRequest): ConsolePort {
  const typed = input === undefined ? new Uint8Array() : attempt(input, 'read', () => readFileSync(input));
  const descriptor = attempt(output, 'written', () => openSync(output, 'w'));
  return {
    input: typed,
    output: (bytes) =>
      attempt(output, 'written', () => {
        for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      }),
  };
}
