// SPDX-License-Identifier: LGPL-2.1-only
// A machine that has run a little, to be saved into files.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pc } from '../../../src/machine/pc.js';
import type { SnapshotFacts } from '../../../src/bfm/snapshot/snapshot_header.js';
import type { MachineState } from '../../../src/machine/state/machine_state.js';
import { CopyOnWriteDisk } from '../../../src/session/copy_on_write_disk.js';
import { diskGuest } from '../../machine/state/snapshot_guests.js';
import { coreModule } from '../../support/test_core.js';

export const sha256 = '0123456789abcdef'.repeat(4);

export const facts: SnapshotFacts = {
  testDevice: false,
  virtioConsole: null,
  disks: [{ name: 'disk.img', sha256, bytes: 0x8200 }],
  images: [{ name: 'guest', sha256 }],
  append: 'quiet',
  moduleFiles: [],
  rtcStart: 1_000_000,
};

export async function newMachine(processors = 2): Promise<Pc> {
  return Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    disks: [new CopyOnWriteDisk({ bytes: 0x8200, read: (_, into) => into.fill(7) })],
    com1: () => {},
    com2: () => {},
  });
}

/** With a request of its disk under way. */
export async function savedMachine(): Promise<Pc> {
  const pc = await newMachine();
  pc.boot({ kernel: { name: 'guest', bytes: diskGuest(4) }, modules: [], append: '' });
  for (let turns = 0; turns < 12; turns++) pc.runQuantum(() => true);
  return pc;
}

export const placeOf = (pc: Pc) => ({
  instructions: pc.instructions,
  virtualTime: pc.virtualTime,
  stateHash: pc.stateHash(),
  seed: -5,
  lastOutput: Buffer.from('login: ').toString('base64'),
});

/** A state with all its pages in memory. */
export const inMemory = (state: MachineState) => ({
  ...state,
  pages: Array.from(state.pages, ({ numbers, bytes }) => ({ numbers: numbers.slice(), bytes: bytes.slice() })),
});

/** Calls `use` with a folder of its own, which is gone afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bfm-snapshot-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
