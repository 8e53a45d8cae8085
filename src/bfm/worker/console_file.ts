// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, writeSync } from 'node:fs';
import type { ConsolePort } from '../../machine/devices/virtio/virtio_console.js';
import { FileError } from '../failures/file_error.js';
import { openOutput, reasonOfOutput } from './output_file.js';

/** What `--virtio-console` named. Absolute paths. */
export interface ConsoleRequest {
  readonly output: string;
  readonly input?: string;
}

/** @param what of the sentence "… cannot be …" @throws FileError */
function attempt<T>(path: string, what: 'read' | 'written', act: () => T): T {
  try {
    return act();
  } catch (error) {
    const found = what === 'written' ? reasonOfOutput(error) : (error as Error).message;
    throw new FileError(`--virtio-console: ${path} cannot be ${what}: ${found}`, {
      causedBy: error,
      details: { where: path, found },
    });
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
