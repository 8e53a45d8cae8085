// SPDX-License-Identifier: LGPL-2.1-only
// Runs that begin from a snapshot or end in one.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { BootFile } from '../../machine/boot/entry_state.js';
import type { Driver } from '../../driver/driver.js';
import type { SavedDriver } from '../../driver/saved_driver.js';
import type { Pc } from '../../machine/pc.js';
import { SnapshotError } from '../snapshot/snapshot_error.js';
import type { MachineState } from '../../machine/state/machine_state.js';
import { writeSnapshot, type Snapshot } from '../snapshot/snapshot_file.js';
import type { SnapshotFacts, SnapshotHeader } from '../snapshot/snapshot_header.js';
import type { RunRequest } from '../worker/run_request.js';

/** Bytes of a disk image that are read at a time. */
const CHUNK = 1 << 20;

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function digestOfFile(path: string): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const chunk = new Uint8Array(CHUNK);
    for (let bytes = 0; ;) {
      const count = readSync(file, chunk);
      if (count === 0) return { sha256: hash.digest('hex'), bytes };
      hash.update(chunk.subarray(0, count));
      bytes += count;
    }
  } finally {
    closeSync(file);
  }
}

/** The machine of a snapshot, with what else a run asks for. */
export function requestOf(
  request: RunRequest,
  { memoryBytes, processors, model, testDevice }: SnapshotHeader,
): RunRequest {
  return { ...request, memoryBytes, processors, cpu: model, testDevice };
}

/** A disk of a snapshot is what is written there over the file that it began with. @throws SnapshotError */
export function checkDisks({ kernel, disks = [] }: RunRequest, header: SnapshotHeader): void {
  if (disks.length !== header.disks.length) {
    const names = header.disks.map(({ name }) => name).join(', ') || 'none';
    throw new SnapshotError(
      `${kernel} has disks (${names}), and ${disks.length} are given: name each of them by --disk, in this order`,
      { details: { where: kernel, found: `${disks.length} disks`, expected: `${header.disks.length} disks` } },
    );
  }
  header.disks.forEach(({ name, sha256 }, i) => {
    const { path, isWritable } = disks[i]!;
    if (isWritable)
      throw new SnapshotError(`--disk ${path}: a disk of a snapshot keeps its writes in memory; leave ",write" out`);
    const found = digestOfFile(path).sha256;
    if (found !== sha256)
      throw new SnapshotError(`--disk ${path} is not the disk ${name} of ${kernel}: its bytes are others`, {
        details: { where: path, found: `SHA-256 ${found}`, expected: `SHA-256 ${sha256}` },
      });
  });
}

/** Makes a machine go on from a snapshot. @throws SnapshotError, MachineStateError */
export function restoreMachine(pc: Pc, { header, state }: Snapshot, path: string): void {
  pc.restore(state);
  const hash = pc.stateHash();
  if (hash === header.stateHash) return;
  throw SnapshotError.damaged(path, `the restored machine has state hash ${hash} instead of ${header.stateHash}`);
}

/** What a snapshot says about the files of a run. @param images the kernel and the RAM disks */
export function factsOf(request: RunRequest, images: readonly BootFile[]): SnapshotFacts {
  const disks = (request.disks ?? []).map(({ path }) => ({ name: basename(path), ...digestOfFile(path) }));
  return {
    testDevice: request.testDevice,
    virtioConsole: false,
    disks,
    images: images.map(({ name, bytes }) => ({ name, sha256: digestOf(bytes) })),
    append: request.append,
  };
}

/**
 * Saves a machine, with its VMM if it has a driver.
 *
 * @param facts about its files. @returns for people: where, and what was verified
 * @throws SnapshotError, MachineStateError; UnmarkedStateError, VmmImageError for state of an extension
 */
export async function saveMachine(pc: Pc, driver: Driver | undefined, facts: SnapshotFacts, request: RunRequest) {
  const { path, verifies } = request.save!;
  const { instructions, virtualTime } = pc;
  const place = { instructions, virtualTime, stateHash: pc.stateHash() };
  const saved = { machine: pc.save(), driver: driver?.save() };
  const note = verifies === true ? await verified(pc, driver, saved, { ...request, testDevice: facts.testDevice }) : '';
  await writeSnapshot(path, saved.machine, facts, place, saved.driver);
  return `${path}${note}`;
}

/** @returns what was compared, for people. @throws SnapshotError */
async function verified(
  pc: Pc,
  driver: Driver | undefined,
  { machine, driver: vmm }: { machine: MachineState; driver: SavedDriver | undefined },
  request: RunRequest,
): Promise<string> {
  if (driver === undefined || vmm?.isRunning !== true)
    throw new SnapshotError('--verify-state compares VM exits, and no VMM runs: leave it out, or save later');
  // Loaded only if needed, as the VMM is.
  const { verifyState } = await import('./verified_state.js');
  const exits = await verifyState({ pc, driver }, { machine, driver: vmm }, request);
  return `; a machine restored from it had ${exits === 1 ? 'the same VM exit' : `the same ${exits} VM exits`}`;
}

/** The VMM of a snapshot has its parameters. @throws SnapshotError */
export function checkSettings({ kernel, settings }: RunRequest, { image }: SavedDriver): void {
  const [name] = Object.keys(settings);
  if (image === undefined || name === undefined) return;
  throw new SnapshotError(`--set ${name}: the VMM of ${kernel} keeps the parameters that it was saved with`, {
    details: { where: '--set', found: name, expected: 'no parameter', advice: 'leave --set out' },
  });
}
