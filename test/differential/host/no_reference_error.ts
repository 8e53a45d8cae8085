// SPDX-License-Identifier: LGPL-2.1-only

/** Why this machine has no processor that the core can be compared with. The message is one line. */
export class NoReferenceError extends Error {
  override readonly name = 'NoReferenceError';
}
