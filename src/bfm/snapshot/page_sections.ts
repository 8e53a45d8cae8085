// SPDX-License-Identifier: LGPL-2.1-only
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { MOST_IN_SECTION } from './snapshot_header.js';

/** Pages of a memory, or blocks of a disk: both have 4096 bytes. */
export interface NumberedPages {
  readonly numbers: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Some of them, compressed: their numbers, then their bytes. */
export interface PackedPages {
  readonly count: number;
  readonly bytes: Uint8Array;
}

const PAGE = 4096;
const NUMBER = 4;
/** zlib takes no smaller one. */
const LEAST_CHUNK = 64;

const compress = promisify<Uint8Array, { level: number }, Buffer>(deflate);
const expand = promisify<Uint8Array, { chunkSize: number; maxOutputLength: number }, Buffer>(inflate);

/** A higher level takes several times as long, for a tenth of the size. */
const LEVEL = { level: 1 } as const;

/** Compresses bytes by zlib, whose format has a checksum. */
export const pack = (bytes: Uint8Array): Promise<Uint8Array> => compress(bytes, LEVEL);

/** @throws Error if the bytes are no zlib stream of that many bytes, or the checksum is wrong */
export async function unpack(stored: Uint8Array, raw: number): Promise<Uint8Array> {
  // One chunk for all that comes out: smaller ones would have to be joined.
  const bytes = await expand(stored, { chunkSize: Math.max(raw, LEAST_CHUNK), maxOutputLength: Math.max(raw, 1) });
  if (bytes.length !== raw) throw new Error(`it has ${bytes.length} bytes instead of ${raw}`);
  return bytes.byteOffset % NUMBER === 0 ? bytes : Uint8Array.from(bytes);
}

/** Compresses pieces of pages, several at a time. */
export function packPages(pieces: readonly NumberedPages[]): Promise<PackedPages[]> {
  return Promise.all(
    pieces.map(async ({ numbers, bytes }) => {
      const raw = new Uint8Array(numbers.length * (NUMBER + PAGE));
      raw.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
      raw.set(bytes, numbers.length * NUMBER);
      return { count: numbers.length, bytes: await pack(raw) };
    }),
  );
}

/**
 * @param limit the numbers must be below it.
 * @throws Error that says what is wrong: a stream, or numbers that do not grow
 */
export async function unpackPages(packed: readonly PackedPages[], limit: number): Promise<NumberedPages[]> {
  const total = packed.reduce((sum, { count }) => sum + count, 0);
  if (total > limit) throw new Error(`it has ${total} pages of at most ${limit}`);
  const pieces = await Promise.all(
    packed.map(async ({ count, bytes }) => {
      const raw = await unpack(bytes, count * (NUMBER + PAGE));
      return { numbers: new Uint32Array(raw.buffer, raw.byteOffset, count), bytes: raw.subarray(count * NUMBER) };
    }),
  );
  let least = 0;
  for (const { numbers } of pieces)
    for (const number of numbers) {
      if (number < least || number >= limit)
        throw new Error(`page number ${number} is out of order, or not below ${limit}`);
      least = number + 1;
    }
  return pieces;
}

/** The blocks of a disk in pieces. */
export function inPieces({ numbers, bytes }: NumberedPages): NumberedPages[] {
  const count = Math.ceil(numbers.length / MOST_IN_SECTION);
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i * MOST_IN_SECTION, (i + 1) * MOST_IN_SECTION];
    return { numbers: numbers.slice(from, to), bytes: bytes.subarray(from * PAGE, to * PAGE) };
  });
}

/** The reverse of `inPieces`. */
export function joined(pieces: readonly NumberedPages[]): NumberedPages {
  const total = pieces.reduce((sum, { numbers }) => sum + numbers.length, 0);
  const all = { numbers: new Uint32Array(total), bytes: new Uint8Array(total * PAGE) };
  let at = 0;
  for (const { numbers, bytes } of pieces) {
    all.numbers.set(numbers, at);
    all.bytes.set(bytes, at * PAGE);
    at += numbers.length;
  }
  return all;
}
