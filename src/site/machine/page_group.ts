// SPDX-License-Identifier: LGPL-2.1-only
// Pages of a snapshot as the bytes of a file. It is unpacked at once, not by and by: the machine waits for it.
import { unzlibSync, zlibSync } from 'fflate';
import { PAGE_BYTES, type PageContents } from '../../machine/memory/page_contents.js';

/** A count, the numbers of the pages, the pages. */
export function packPages({ numbers, bytes }: PageContents): Uint8Array {
  const raw = new Uint8Array(4 + numbers.length * 4 + bytes.length);
  const view = new DataView(raw.buffer);
  view.setUint32(0, numbers.length, true);
  numbers.forEach((number, i) => view.setUint32(4 + 4 * i, number, true));
  raw.set(bytes, 4 + numbers.length * 4);
  return zlibSync(raw, { level: 9 });
}

const ADLER_MODULUS = 65521;
/** Bytes whose sums fit into 32 bits. */
const ADLER_PIECE = 3800;

/** The checksum at the end of a zlib stream, RFC 1950: `fflate` does not look at it. */
function adler32(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (let from = 0; from < bytes.length; from += ADLER_PIECE) {
    const end = Math.min(from + ADLER_PIECE, bytes.length);
    for (let at = from; at < end; at++) high += low += bytes[at]!;
    low %= ADLER_MODULUS;
    high %= ADLER_MODULUS;
  }
  return high * 65536 + low;
}

function unpacked(packed: Uint8Array): Uint8Array {
  const raw = unzlibSync(packed);
  const wanted = new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(packed.length - 4, false);
  if (adler32(raw) !== wanted) throw new Error('pages of a snapshot are damaged: their checksum is another one');
  return raw;
}

/** @throws Error if it is not what `packPages` gives */
export function unpackPages(packed: Uint8Array): PageContents {
  const raw = unpacked(packed);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const count = view.getUint32(0, true);
  const begin = 4 + count * 4;
  if (raw.length !== begin + count * PAGE_BYTES)
    throw new Error(`pages of a snapshot are damaged: ${raw.length} bytes are not ${count} pages`);
  return {
    numbers: Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i, true)),
    bytes: raw.subarray(begin),
  };
}
