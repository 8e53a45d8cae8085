// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Constants } from '../../machine/layout/core_constants.js';
import type { DiskState, MachineState } from '../../machine/state/machine_state.js';
import { LAYOUT_DIGEST } from '../../machine/state/layout_digest.js';
import type { SavedDriver } from '../../driver/saved_driver.js';
import { machinePartText, parseMachinePart } from './machine_part.js';
import { inPieces, joined, pack, packPages, unpack, unpackPages } from './page_sections.js';
import { SnapshotError } from './snapshot_error.js';
import {
  FORMAT,
  MAGIC,
  parseHeader,
  RECORDING_BEGINS,
  type SnapshotFacts,
  type SnapshotHeader,
  type SnapshotSection,
} from './snapshot_header.js';
import { parseVmmPart, vmmPartText } from './vmm_part.js';
import { writeWholeFile } from './whole_file.js';

/** Bytes of the header's checksum. The sections have their own: zlib's. */
const DIGEST_BYTES = 32;
const PAGE = 4096;

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

interface Packed {
  readonly section: SnapshotSection;
  readonly bytes: Uint8Array;
}

async function packedText(kind: 'machine' | 'vmm', text: string): Promise<Packed> {
  const raw = Buffer.from(text);
  const bytes = await pack(raw);
  return { section: { kind, stored: bytes.length, raw: raw.length }, bytes };
}

async function packed(state: MachineState, driver: SavedDriver | undefined): Promise<Packed[]> {
  const disks = state.disks.map(async ({ blocks }, disk) =>
    (await packPages(inPieces(blocks))).map(({ count, bytes }): Packed => ({
      section: { kind: 'disk', disk, blocks: count, stored: bytes.length },
      bytes,
    })),
  );
  const pages = (await packPages(state.pages)).map(({ count, bytes }): Packed => ({
    section: { kind: 'pages', pages: count, stored: bytes.length },
    bytes,
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
  const parts = await packed(state, driver);
  const header: SnapshotHeader = {
    format: FORMAT,
    layout: LAYOUT_DIGEST,
    model: state.model,
    memoryBytes: state.memoryBytes,
    processors: state.processors.length,
    ...facts,
    ...place,
    modules: (driver?.modules ?? []).map(({ file, hash }) => ({ name: file, sha256: hash })),
    sections: parts.map(({ section }) => section),
  };
  const text = Buffer.from(JSON.stringify(header));
  const length = new Uint8Array(Uint32Array.of(text.length).buffer);
  const begin = [Buffer.from(MAGIC), digestOf(text), length, text];
  await writeWholeFile(path, [...begin, ...parts.map(({ bytes }) => bytes)]);
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`the snapshot ${path} cannot be read: ${found}`, {
      causedBy: error,
      details: { where: path, found },
    });
  }
}

/** The header, and where the sections begin. */
function headerOf(file: Buffer, path: string): { header: SnapshotHeader; end: number } {
  if (file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    const isRecording = file.toString('latin1', 0, RECORDING_BEGINS.length) === RECORDING_BEGINS;
    const is = isRecording
      ? `is a recording, not a snapshot: bfm replay ${path} runs it again`
      : 'is no snapshot: bfm run --save writes them';
    throw new SnapshotError(`${path} ${is}`, {
      details: { where: path, expected: 'a file that bfm run --save has written' },
    });
  }
  const begin = MAGIC.length + DIGEST_BYTES + 4;
  const length = file.length < begin ? file.length : file.readUInt32LE(begin - 4);
  const end = begin + length;
  if (end > file.length) throw SnapshotError.damaged(path, 'it ends within its header');
  const digest = file.subarray(MAGIC.length, MAGIC.length + DIGEST_BYTES);
  if (!digest.equals(digestOf(file.subarray(begin, end))))
    throw SnapshotError.damaged(path, 'its header has another checksum than it says');
  return { header: parseHeader(file.toString('utf8', begin, end), path), end };
}

/** The sections' bytes, which fill the file. */
function sectionsOf({ sections }: SnapshotHeader, file: Buffer, begin: number, path: string): Packed[] {
  const total = sections.reduce((sum, { stored }) => sum + stored, begin);
  if (total !== file.length) throw SnapshotError.damaged(path, `it has ${file.length} bytes instead of ${total}`);
  let at = begin;
  return sections.map((section) => ({ section, bytes: file.subarray(at, (at += section.stored)) }));
}

/** Reads only what a snapshot says about itself. @throws SnapshotError */
export async function readSnapshotHeader(path: string): Promise<SnapshotHeader> {
  return headerOf(await contentOf(path), path).header;
}

/** Reads a snapshot, and checks all of it. @throws SnapshotError */
export async function readSnapshot(path: string): Promise<Snapshot> {
  const file = await contentOf(path);
  const { header, end } = headerOf(file, path);
  const parts = sectionsOf(header, file, end, path);
  try {
    return { header, state: await stateOf(header, parts), driver: await driverOf(header, parts) };
  } catch (error) {
    throw SnapshotError.damaged(path, error instanceof Error ? error.message : String(error));
  }
}

/** @throws Error that says what is wrong */
async function driverOf({ processors }: SnapshotHeader, parts: readonly Packed[]): Promise<SavedDriver | undefined> {
  const sections = parts.filter(({ section }) => section.kind === 'vmm');
  const [first] = sections;
  if (first?.section.kind !== 'vmm') return undefined;
  if (sections.length > 1) throw new Error('it has two VMMs');
  return parseVmmPart(Buffer.from(await unpack(first.bytes, first.section.raw)).toString('utf8'), processors);
}

/** @throws Error that says what is wrong */
async function stateOf(header: SnapshotHeader, parts: readonly Packed[]): Promise<MachineState> {
  const { model, memoryBytes, processors, disks } = header;
  const [first, ...others] = parts;
  if (first?.section.kind !== 'machine' || others.some(({ section }) => section.kind === 'machine'))
    throw new Error('its sections are out of order');
  if (others.some(({ section }) => section.kind === 'disk' && section.disk >= disks.length))
    throw new Error('it has a section of a disk that it does not have');
  const physicalPages = (memoryBytes + Constants.CARVE_OUT_BYTES) / PAGE;
  const [machine, pages, ...blocks] = await Promise.all([
    unpack(first.bytes, first.section.raw),
    unpackPages(
      countedPages(others, ({ kind }) => kind === 'pages'),
      physicalPages,
    ),
    ...disks.map(({ bytes }, disk) =>
      unpackPages(
        countedPages(others, (section) => section.kind === 'disk' && section.disk === disk),
        Math.ceil(bytes / PAGE),
      ),
    ),
  ]);
  const part = parseMachinePart(Buffer.from(machine).toString('utf8'), processors);
  for (const { tlbs } of part.processors)
    if (tlbs.some(({ frames }) => frames.some((frame) => frame >= physicalPages)))
      throw new Error('a TLB leads beyond the memory');
  return {
    ...part,
    model,
    memoryBytes,
    pages,
    disks: disks.map(({ bytes }, i): DiskState => ({ bytes, blocks: joined(blocks[i]!) })),
    end: undefined,
  };
}

function countedPages(parts: readonly Packed[], takes: (section: SnapshotSection) => boolean) {
  return parts
    .filter(({ section }) => takes(section))
    .map(({ section, bytes }) => ({
      count: section.kind === 'pages' ? section.pages : section.kind === 'disk' ? section.blocks : 0,
      bytes,
    }));
}
