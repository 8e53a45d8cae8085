// SPDX-License-Identifier: LGPL-2.1-only

/** Where text goes: a subset of Node's writable streams. */
export interface TextSink {
  write(chunk: string | Uint8Array): unknown;
}
