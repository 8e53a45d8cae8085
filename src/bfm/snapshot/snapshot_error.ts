// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A snapshot file cannot be written or read, is no snapshot, or does not fit. */
export class SnapshotError extends BareflankError {
  /** A file whose content is not what a snapshot has. @param found what is wrong with it, as a sentence without a period */
  static damaged(path: string, found: string): SnapshotError {
    return new SnapshotError(`${path} is a damaged snapshot: ${found}. Save it again.`, {
      details: { where: path, found, advice: 'save it again' },
    });
  }
}
