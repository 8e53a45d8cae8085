// SPDX-License-Identifier: LGPL-2.1-only

/** Where text goes: a subset of Node's writable streams. */
export interface TextSink {
  /** @param written called once the chunk has left this process. */
  write(chunk: string | Uint8Array, written?: () => void): unknown;
}
