// SPDX-License-Identifier: LGPL-2.1-only

/** Bytes of a page. */
export const PAGE_BYTES = 4096;

/** Some pages of a memory. */
export interface PageContents {
  /** Their numbers, each once, in order. */
  readonly numbers: Uint32Array;
  /** Their bytes, one page after the other. */
  readonly bytes: Uint8Array;
}
