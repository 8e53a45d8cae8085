// SPDX-License-Identifier: LGPL-2.1-only
// A snapshot as the files of a site: what a machine needs at once, and pages by groups that it fetches when it needs one of them.
import { strToU8, zlibSync } from 'fflate';
import { plainDataToText } from '../../driver/plain_data_text.js';
import { PAGE_BYTES, type PageContents } from '../../machine/memory/page_contents.js';
import { LAYOUT_DIGEST } from '../../machine/state/layout_digest.js';
import type { MachineState } from '../../machine/state/machine_state.js';
import { packPages } from './page_group.js';

/** Counts the versions of these files. */
export const SNAPSHOT_VERSION = 1;

/** Pages in a group: 256 KiB, of which the half or less travels. */
const GROUP_PAGES = 64;

/** Pages whose numbers are from `from` up to `to` are in one file. */
export interface PageGroup {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** What the file manifest.json says. */
export interface SnapshotManifest {
  readonly version: number;
  /** Of the machine's words. */
  readonly layout: string;
  readonly model: string;
  readonly memoryBytes: number;
  readonly processors: number;
  readonly instructions: number;
  /** The restored machine has it; a run is named by it. */
  readonly stateHash: string;
  /** The state without pages of RAM, and the numbers of these pages. */
  readonly state: string;
  /** The pages that a machine needs first. */
  readonly first: string;
  /** All other pages. */
  readonly groups: readonly PageGroup[];
}

/** What the state's file has. */
export interface SnapshotState {
  readonly state: MachineState;
  /** The pages of RAM that are not zero. */
  readonly numbers: Uint32Array;
}

/** A file of a snapshot. */
export interface SnapshotFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The pieces of a state that is read from a file share one buffer, so each page is copied. */
function pagesOf({ pages }: MachineState): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const { numbers, bytes } of pages)
    numbers.forEach((number, i) => found.set(number, bytes.slice(i * PAGE_BYTES, (i + 1) * PAGE_BYTES)));
  return found;
}

function contentsOf(numbers: readonly number[], pages: ReadonlyMap<number, Uint8Array>): PageContents {
  const bytes = new Uint8Array(numbers.length * PAGE_BYTES);
  numbers.forEach((number, i) => bytes.set(pages.get(number)!, i * PAGE_BYTES));
  return { numbers: Uint32Array.from(numbers), bytes };
}

/**
 * The files of a snapshot, the manifest among them.
 *
 * @param wanted pages of RAM that a machine needs first; the others come when something needs them
 */
export function snapshotFiles(
  state: MachineState,
  { instructions, stateHash }: Pick<SnapshotManifest, 'instructions' | 'stateHash'>,
  wanted: ReadonlySet<number>,
): SnapshotFile[] {
  const pages = pagesOf(state);
  const isRam = (number: number): boolean => number * PAGE_BYTES < state.memoryBytes;
  const numbers = [...pages.keys()].filter(isRam).sort((a, b) => a - b);
  const later = numbers.filter((number) => !wanted.has(number));
  const carveOut = contentsOf(
    [...pages.keys()].filter((number) => !isRam(number)),
    pages,
  );
  const kept: SnapshotState = { state: { ...state, pages: [carveOut] }, numbers: Uint32Array.from(numbers) };
  const groups = Array.from({ length: Math.ceil(later.length / GROUP_PAGES) }, (_, i) => {
    const members = later.slice(i * GROUP_PAGES, (i + 1) * GROUP_PAGES);
    const group: PageGroup = { file: `pages_${i}.bin`, from: members[0]!, to: members.at(-1)! };
    return { group, bytes: packPages(contentsOf(members, pages)) };
  });
  const manifest: SnapshotManifest = {
    version: SNAPSHOT_VERSION,
    layout: LAYOUT_DIGEST,
    model: state.model,
    memoryBytes: state.memoryBytes,
    processors: state.processors.length,
    instructions,
    stateHash,
    state: 'state.bin',
    first: 'first.bin',
    groups: groups.map(({ group }) => group),
  };
  return [
    { name: 'manifest.json', bytes: strToU8(JSON.stringify(manifest)) },
    { name: manifest.state, bytes: zlibSync(strToU8(plainDataToText(kept)), { level: 9 }) },
    {
      name: manifest.first,
      bytes: packPages(
        contentsOf(
          numbers.filter((number) => wanted.has(number)),
          pages,
        ),
      ),
    },
    ...groups.map(({ group, bytes }) => ({ name: group.file, bytes })),
  ];
}
