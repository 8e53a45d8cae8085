// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { Constants } from '../../machine/layout/core_constants.js';
import { DISK_BLOCK_BYTES } from '../../machine/devices/virtio/disk_image.js';
import { PAGE_BYTES } from '../../machine/memory/page_contents.js';
import type { DiskState, MachineState } from '../../machine/state/machine_state.js';
import { LAYOUT_DIGEST } from '../../machine/state/layout_digest.js';
import type { SavedDriver } from '../../driver/saved_driver.js';
import { machinePartText, parseMachinePart } from './machine_part.js';
import { FilePages, partsOfPages, readFully, type PageSection } from './file_pages.js';
import { inPieces, joined, pack, packPages, unpack, unpackPages, type PackedPages } from './page_sections.js';
import { SnapshotError } from './snapshot_error.js';
import {
  bytesOfPages,
  FORMAT,
  MAGIC,
  MOST_MACHINE_BYTES,
  parseHeader,
  RECORDING_BEGINS,
  type SnapshotFacts,
  type SnapshotHeader,
  type SnapshotSection,
} from './snapshot_header.js';
import { parseVmmPart, vmmPartText } from './vmm_part.js';
import { writeWholeFile } from './whole_file.js';

/** Bytes of the header's checksum. What is compressed has zlib's. The machine's state hash is the checksum of its pages. */
const DIGEST_BYTES = 32;
const LENGTH_BYTES = 4;
const MOST_HEADER_BYTES = 64 << 20;

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** A machine's state, and what else is known about it. */
export interface Snapshot {
  readonly header: SnapshotHeader;
  readonly state: MachineState;
  /** The VMM and its driver, if the machine had a driver. */
  readonly driver: SavedDriver | undefined;
}

/** Where a run is. */
export type RunPlace = Pick<SnapshotHeader, 'instructions' | 'virtualTime' | 'stateHash' | 'seed' | 'lastOutput'>;

/** A section with its bytes. */
interface Packed {
  readonly section: SnapshotSection;
  readonly parts: readonly Uint8Array[];
}

/** A section and where it begins in the file. */
interface Placed {
  readonly section: SnapshotSection;
  readonly at: number;
}

async function packedText(kind: 'machine' | 'vmm', text: string): Promise<Packed> {
  const raw = Buffer.from(text);
  if (raw.length > MOST_MACHINE_BYTES)
    throw new SnapshotError(
      `the state of the ${kind} takes ${raw.length} bytes, and a snapshot has room for ${MOST_MACHINE_BYTES}: keep less in fields that are marked @state()`,
    );
  const bytes = await pack(raw);
  return { section: { kind, stored: bytes.length, raw: raw.length }, parts: [bytes] };
}

async function packed(state: MachineState, driver: SavedDriver | undefined): Promise<Packed[]> {
  const disks = state.disks.map(async ({ blocks }, disk) =>
    (await packPages(inPieces(blocks))).map(({ count, bytes }): Packed => ({
      section: { kind: 'disk', disk, blocks: count, stored: bytes.length },
      parts: [bytes],
    })),
  );
  const pages = [...state.pages].map((piece): Packed => ({
    section: { kind: 'pages', pages: piece.numbers.length, stored: bytesOfPages(piece.numbers.length) },
    parts: partsOfPages(piece),
  }));
  const machine = await packedText('machine', machinePartText(state));
  const vmm = driver === undefined ? [] : [await packedText('vmm', vmmPartText(driver))];
  return [machine, ...vmm, ...pages, ...(await Promise.all(disks)).flat()];
}

/**
 * Writes a machine's state, and that of its VMM, into a file. A file of that name is replaced once the new one is complete.
 * @throws SnapshotError
 */
export async function writeSnapshot(
  path: string,
  state: MachineState,
  facts: SnapshotFacts,
  place: RunPlace,
  driver?: SavedDriver,
): Promise<void> {
  if (state.end !== undefined)
    throw new SnapshotError('the machine has ended: there is nothing that could go on from a snapshot');
  const sections = await packed(state, driver);
  const header: SnapshotHeader = {
    format: FORMAT,
    layout: LAYOUT_DIGEST,
    model: state.model,
    memoryBytes: state.memoryBytes,
    processors: state.processors.length,
    ...facts,
    ...place,
    modules: (driver?.modules ?? []).map(({ file, hash }) => ({ name: file, sha256: hash })),
    sections: sections.map(({ section }) => section),
  };
  const text = Buffer.from(JSON.stringify(header));
  const length = new Uint8Array(Uint32Array.of(text.length).buffer);
  const begin = [Buffer.from(MAGIC), digestOf(text), length, text];
  await writeWholeFile(path, [...begin, ...sections.flatMap(({ parts }) => parts)]);
}

/** Opens a snapshot for reading. @throws SnapshotError */
function withFile<T>(path: string, read: (file: number, bytes: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`the snapshot ${path} cannot be read: ${found}`, {
      causedBy: error,
      details: { where: path, found },
    });
  }
  try {
    return read(file, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

function bytesAt(file: number, at: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  readFully(file, bytes, at);
  return bytes;
}

/** The header, and where the sections begin. */
function headerOf(file: number, size: number, path: string): { header: SnapshotHeader; end: number } {
  const begin = MAGIC.length + DIGEST_BYTES + LENGTH_BYTES;
  const start = bytesAt(file, 0, Math.min(begin, size));
  if (start.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    const isRecording = start.toString('latin1', 0, RECORDING_BEGINS.length) === RECORDING_BEGINS;
    const is = isRecording
      ? `is a recording, not a snapshot: bfm replay ${path} runs it again`
      : 'is no snapshot: bfm run --save and bfm save write them';
    throw new SnapshotError(`${path} ${is}`, {
      details: { where: path, expected: 'a file that bfm run --save or bfm save has written' },
    });
  }
  const end = begin + (start.length < begin ? 0 : start.readUInt32LE(begin - LENGTH_BYTES));
  if (start.length < begin || end > Math.min(size, MOST_HEADER_BYTES))
    throw SnapshotError.damaged(path, 'it ends within its header');
  const text = bytesAt(file, begin, end - begin);
  if (!start.subarray(MAGIC.length, MAGIC.length + DIGEST_BYTES).equals(digestOf(text)))
    throw SnapshotError.damaged(path, 'its header has another checksum than it says');
  return { header: parseHeader(text.toString('utf8'), path), end };
}

/** Where the sections are, which fill the file. */
function placesOf({ sections }: SnapshotHeader, size: number, begin: number, path: string): Placed[] {
  const total = sections.reduce((sum, { stored }) => sum + stored, begin);
  if (total !== size) throw SnapshotError.damaged(path, `it has ${size} bytes instead of ${total}`);
  let at = begin;
  return sections.map((section) => {
    const placed = { section, at };
    at += section.stored;
    return placed;
  });
}

/** Reads only what a snapshot says about itself. @throws SnapshotError */
export function readSnapshotHeader(path: string): SnapshotHeader {
  return withFile(path, (file, size) => headerOf(file, size, path).header);
}

/**
 * Reads a snapshot, and checks all of it but the pages: these are read from the file when they are wanted. Whether they are what was saved, only the
 * restored machine's state hash tells.
 *
 * @throws SnapshotError
 */
export async function readSnapshot(path: string): Promise<Snapshot> {
  const { header, placed, packed } = withFile(path, (file, size) => {
    const { header, end } = headerOf(file, size, path);
    const placed = placesOf(header, size, end, path);
    const packed = placed
      .filter(({ section }) => section.kind !== 'pages')
      .map(({ section, at }): Packed => ({ section, parts: [bytesAt(file, at, section.stored)] }));
    return { header, placed, packed };
  });
  const physicalPages = (header.memoryBytes + Constants.CARVE_OUT_BYTES) / PAGE_BYTES;
  try {
    const pages = new FilePages(path, pageSectionsOf(placed, physicalPages), physicalPages);
    return {
      header,
      state: { ...(await stateOf(header, packed, physicalPages)), pages },
      driver: await driverOf(header, packed),
    };
  } catch (error) {
    throw SnapshotError.damaged(path, error instanceof Error ? error.message : String(error));
  }
}

/** @throws Error if they are too many */
function pageSectionsOf(placed: readonly Placed[], limit: number): PageSection[] {
  const sections = placed.flatMap(({ section, at }) =>
    section.kind === 'pages' ? [{ pages: section.pages, at }] : [],
  );
  const total = sections.reduce((sum, { pages }) => sum + pages, 0);
  if (total > limit) throw new Error(`it has ${total} pages of at most ${limit}`);
  return sections;
}

/** @throws Error that says what is wrong */
async function driverOf({ processors }: SnapshotHeader, parts: readonly Packed[]): Promise<SavedDriver | undefined> {
  const sections = parts.filter(({ section }) => section.kind === 'vmm');
  const [first] = sections;
  if (first?.section.kind !== 'vmm') return undefined;
  if (sections.length > 1) throw new Error('it has two VMMs');
  return parseVmmPart(Buffer.from(await unpack(first.parts[0]!, first.section.raw)).toString('utf8'), processors);
}

/** @throws Error that says what is wrong */
async function stateOf(
  header: SnapshotHeader,
  parts: readonly Packed[],
  physicalPages: number,
): Promise<Omit<MachineState, 'pages'>> {
  const { model, memoryBytes, processors, disks } = header;
  const [first, ...others] = parts;
  if (first?.section.kind !== 'machine' || others.some(({ section }) => section.kind === 'machine'))
    throw new Error('its sections are out of order');
  if (others.some(({ section }) => section.kind === 'disk' && section.disk >= disks.length))
    throw new Error('it has a section of a disk that it does not have');
  const [machine, ...blocks] = await Promise.all([
    unpack(first.parts[0]!, first.section.raw),
    ...disks.map(({ bytes }, disk) => unpackPages(blocksOf(others, disk), Math.ceil(bytes / DISK_BLOCK_BYTES))),
  ]);
  const part = parseMachinePart(Buffer.from(machine).toString('utf8'), processors);
  for (const { tlbs } of part.processors)
    if (tlbs.some(({ frames }) => frames.some((frame) => frame >= physicalPages)))
      throw new Error('a TLB leads beyond the memory');
  return {
    ...part,
    model,
    memoryBytes,
    disks: disks.map(({ bytes }, i): DiskState => ({ bytes, blocks: joined(blocks[i]!) })),
    end: undefined,
  };
}

function blocksOf(parts: readonly Packed[], wanted: number): PackedPages[] {
  return parts.flatMap(({ section, parts: [bytes] }) =>
    section.kind === 'disk' && section.disk === wanted ? [{ count: section.blocks, bytes: bytes! }] : [],
  );
}
