// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { Pc } from '../../../src/machine/pc.js';

/** Bytes of RAM that the guest gets. */
export const checksumGuestMemory = 16 * 2 ** 20;

/** A machine with guests/checksum: it computes at CPL 0 and 3 under a timer, sleeps, and prints a running checksum. */
export async function checksumGuest(rounds: number) {
  const console: number[] = [];
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: checksumGuestMemory,
    com1: (byte) => void console.push(byte),
    com2: () => {},
    exitMark: new Int32Array(1),
  });
  pc.boot({
    kernel: { name: 'checksum.bin', bytes: readFileSync(join(buildFolder, 'guests', 'checksum.bin')) },
    modules: [],
    append: String(rounds),
  });
  return {
    pc,
    /** Runs one quantum. @returns whether there is another one. */
    quantum: () => pc.runQuantum(() => true) === undefined,
    /** The results that must not depend on what happened to the machine. */
    result: () => ({
      console: String.fromCharCode(...console),
      memory: createHash('sha256').update(pc.ram).digest('hex'),
      instructions: pc.instructions,
      time: pc.virtualTime,
    }),
  };
}

/** The result of a guest that nobody touched. */
export async function untouched(rounds: number) {
  const guest = await checksumGuest(rounds);
  while (guest.quantum());
  return guest.result();
}
