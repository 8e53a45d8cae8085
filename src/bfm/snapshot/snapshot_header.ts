// SPDX-License-Identifier: LGPL-2.1-only
import { z } from 'zod';
import { MOST_DISKS, MOST_PROCESSORS } from '../../machine/limits.js';
import { Sizes } from '../../machine/layout/regions.js';
import { LAYOUT_DIGEST } from '../../machine/state/layout_digest.js';
import { PAGE_BYTES } from '../../machine/memory/page_contents.js';
import { PAGES_IN_PIECE } from '../../machine/state/page_snapshot.js';
import { KEPT_BYTES } from '../../session/last_output.js';
import { flawsOf } from '../../driver/node/data_flaws.js';
import { SnapshotError } from './snapshot_error.js';

/** The first bytes of a snapshot. */
export const MAGIC = 'bfm snapshot\n';

/** With this text a recording begins, which is no snapshot. */
export const RECORDING_BEGINS = '{"kind":"recording"';

/** The format that this version writes and reads. A change of what a snapshot holds, or of the layout's words, gives it the next number. */
export const FORMAT = 6;

/** Pages, or blocks of a disk, in one section. */
export const MOST_IN_SECTION = PAGES_IN_PIECE;
/** Bytes of a page's number. */
export const NUMBER_BYTES = 4;
/** Bytes of a section with so many pages: their numbers, then what they hold. */
export const bytesOfPages = (count: number): number => count * (NUMBER_BYTES + PAGE_BYTES);
/** A machine without its memory is far smaller. */
export const MOST_MACHINE_BYTES = 64 << 20;

/** Characters of base 64 for what `LastOutput` keeps. */
const MOST_CONSOLE_TEXT = 4 * Math.ceil(KEPT_BYTES / 3);

const count = z.int().min(0);
/** zlib makes bytes hardly longer. */
const packedFrom = (raw: number) => count.max(2 * raw);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 digest');

/** A piece of the file behind the header. All but pages are compressed by zlib. Its bytes: `stored` in the file, `raw` without compression. */
const section = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('machine'),
    stored: packedFrom(MOST_MACHINE_BYTES),
    raw: count.max(MOST_MACHINE_BYTES),
  }),
  z.strictObject({
    kind: z.literal('vmm'),
    stored: packedFrom(MOST_MACHINE_BYTES),
    raw: count.max(MOST_MACHINE_BYTES),
  }),
  z
    .strictObject({ kind: z.literal('pages'), pages: count.max(MOST_IN_SECTION), stored: count })
    .refine(({ pages, stored }) => stored === bytesOfPages(pages), 'the pages have another size'),
  z.strictObject({
    kind: z.literal('disk'),
    disk: count.max(MOST_DISKS - 1),
    blocks: count.max(MOST_IN_SECTION),
    stored: packedFrom(bytesOfPages(MOST_IN_SECTION)),
  }),
]);

/** A file that the machine began with: its name and the digest of its bytes. */
const namedFile = z.strictObject({ name: z.string().max(4096), sha256 });

const header = z.strictObject({
  format: z.literal(FORMAT),
  layout: z.literal(LAYOUT_DIGEST),
  /** Which machine to make. */
  model: z.string().max(64),
  memoryBytes: z
    .int()
    .min(16 << 20)
    .max(Sizes.MAX_RAM)
    .multipleOf(0x10000),
  processors: z.int().min(1).max(MOST_PROCESSORS),
  testDevice: z.boolean(),
  /** Virtual nanoseconds that each VM exit takes; 0 if it is not there. */
  exitCost: count.exactOptional(),
  /** The digest of what is typed at a virtio console. */
  virtioConsole: z.strictObject({ typed: sha256 }).nullable(),
  /** The files below the disks, which are not in the snapshot: what they have at the save. */
  disks: z.array(namedFile.extend({ bytes: count })).max(MOST_DISKS),
  /** The kernel and the RAM disks: what they made of memory is in the snapshot. */
  images: z.array(namedFile).max(64),
  append: z.string().max(1 << 16),
  /** The modules of the VMM, with the digests of their bundles; none without a VMM. */
  modules: z.array(namedFile).max(1024),
  /** What `-m` named: the files that list these modules, for messages. */
  moduleFiles: z.array(z.string().max(4096)).max(1024),
  /** Seconds since 1970 at power-on: the modules' `Date` counts from there. */
  rtcStart: z.int(),
  /** Of the random numbers that the modules' code draws next. */
  seed: z
    .int()
    .min(-(2 ** 31))
    .max(2 ** 31 - 1),
  /** The end of the guest's console, in base 64. */
  lastOutput: z.base64().max(MOST_CONSOLE_TEXT),
  /** Where the run was. */
  instructions: count,
  virtualTime: z.number().min(0),
  stateHash: z.string().regex(/^[0-9a-f]{16}$/),
  sections: z.array(section).max(1 << 21),
});

/** What the beginning of a snapshot says about it. */
export type SnapshotHeader = z.infer<typeof header>;
/** A piece of a snapshot. */
export type SnapshotSection = SnapshotHeader['sections'][number];
/** The facts that the owner of a run knows; the machine adds the rest. */
export type SnapshotFacts = Pick<
  SnapshotHeader,
  'testDevice' | 'exitCost' | 'virtioConsole' | 'disks' | 'images' | 'append' | 'moduleFiles' | 'rtcStart'
>;

/** @throws SnapshotError for a snapshot of another version of bfm */
function refuseOtherVersion({ format, layout }: { format?: unknown; layout?: unknown }, path: string): void {
  const isOther = typeof format === 'number' && format !== FORMAT;
  if (!isOther && (typeof layout !== 'string' || layout === LAYOUT_DIGEST)) return;
  const [found, expected] = isOther
    ? [`format ${format}`, `format ${FORMAT}`]
    : [`layout ${String(layout)}`, `layout ${LAYOUT_DIGEST}`];
  throw new SnapshotError(
    `${path} is a snapshot of another version of bfm: it has ${found}, this version reads ${expected}. Save it again with this version, or use the one that saved it.`,
    { details: { where: path, found, expected, advice: 'save it again with this version' } },
  );
}

/** @param path names the file in errors. @throws SnapshotError */
export function parseHeader(text: string, path: string): SnapshotHeader {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw SnapshotError.damaged(path, 'its header is no JSON');
  }
  refuseOtherVersion((value ?? {}) as { format?: unknown; layout?: unknown }, path);
  const { data, error } = header.safeParse(value);
  if (data !== undefined) return data;
  throw SnapshotError.damaged(path, flawsOf(error, value, 'its header'));
}
