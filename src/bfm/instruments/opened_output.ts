// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, writeSync } from 'node:fs';
import { FileError } from '../failures/file_error.js';
import { openOutput, reasonOfOutput } from '../worker/output_file.js';

/** A file that is written when a run is over. It is opened before the guest runs: a long run would be lost else. */
export class OpenedOutput {
  private constructor(
    private readonly option: string,
    readonly path: string,
    private readonly descriptor: number,
  ) {}

  /** @param option that names it. @throws FileError */
  static open(option: string, path: string): OpenedOutput {
    try {
      return new OpenedOutput(option, path, openOutput(path));
    } catch (error) {
      throw failure(option, path, error);
    }
  }

  /** @throws FileError */
  append(text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.descriptor, bytes, done);
    } catch (error) {
      throw failure(this.option, this.path, error);
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function failure(option: string, path: string, error: unknown): FileError {
  const found = reasonOfOutput(error);
  return new FileError(`${option} ${path} cannot be written: ${found}`, {
    causedBy: error,
    details: { where: option, found, expected: 'a file that can be written' },
  });
}
