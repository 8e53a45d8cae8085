// SPDX-License-Identifier: LGPL-2.1-only
// node --expose-gc idle_allocation.js: what a wait in HLT for the next timer interrupt allocates, in bytes. A process of its own: what else a process
// has compiled and keeps decides about its heap.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { Pc } from '../../src/machine/pc.js';
import { coreModule } from '../support/test_core.js';

const collectGarbage = (globalThis as unknown as { gc: () => void }).gc;

/** Waits between two garbage collections. The guest waits 20,000 times. */
const piece = 2000;
/** Quanta of a wait: one up to the HLT, and the jump over the idle time. */
const quantaOfWait = 2;

const ignore = (): void => {};
const always = (): boolean => true;

async function startedGuest(): Promise<Pc> {
  const pc = await Pc.create({ coreModule: await coreModule(), memoryBytes: 16 << 20, com1: ignore, com2: ignore });
  const bytes = new Uint8Array(readFileSync(join(buildFolder, 'guests', 'bench_idle.bin')));
  pc.boot({ kernel: { name: 'bench_idle', bytes }, modules: [], append: '' });
  return pc;
}

/** V8 compiles in the first pieces; a wait that allocates does so in all of them. @returns bytes a wait, of the best piece. */
function leastAllocation(pc: Pc): number {
  let least = Infinity;
  for (let end; end === undefined;) {
    collectGarbage();
    const before = getHeapStatistics().used_heap_size;
    for (let quantum = 0; quantum < quantaOfWait * piece && end === undefined; quantum++) end = pc.runQuantum(always);
    const bytes = getHeapStatistics().used_heap_size - before;
    if (end === undefined) least = Math.min(least, bytes / piece);
  }
  return least;
}

process.stdout.write(String(leastAllocation(await startedGuest())));
