// SPDX-License-Identifier: LGPL-2.1-only
// node --expose-gc exit_allocation.js NAME…: what the exits of these loops (all of them by default) allocate, as JSON. A process of its own:
// what else a process has compiled and keeps decides about its heap.
import { getHeapStatistics } from 'node:v8';
import { inlineExitPath } from '../../src/driver/node/exit_path_inlining.js';
import type { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import type { Pc } from '../../src/machine/pc.js';
import { exitLoops, startedLoop, type ExitLoop } from './exit_loops.js';

/** What one kind of exit allocates. */
export interface Allocation {
  readonly name: string;
  readonly exits: number;
  readonly bytesAnExit: number;
}

const collectGarbage = (globalThis as unknown as { gc: () => void }).gc;

/** Exits between two garbage collections. */
const piece = 10_000;

/** Allocates so little that it is noise: what V8 itself keeps of what it compiled. */
const enough = 0.5;

/**
 * Runs a guest by pieces in which no garbage collection hides anything, until one allocates next to nothing, or to its end. V8 compiles in the first
 * pieces; an exit that allocates does so in all of them.
 *
 * @returns bytes an exit, of the best piece.
 */
function leastAllocation(pc: Pc, reason: ExitReason): number {
  let least = Infinity;
  for (let end; end === undefined && least > enough;) {
    collectGarbage();
    const exits = pc.exits()[reason]!;
    const before = getHeapStatistics().used_heap_size;
    while (end === undefined && pc.exits()[reason]! - exits < piece) end = pc.runQuantum(() => true);
    const bytes = getHeapStatistics().used_heap_size - before;
    if (end === undefined) least = Math.min(least, bytes / (pc.exits()[reason]! - exits));
    else if (end.kind !== 'debug-exit') throw new Error(`the guest ended by ${end.kind}: ${end.detail}`);
  }
  return least;
}

async function measure(loop: ExitLoop, turns: number): Promise<Allocation> {
  const pc = await startedLoop(loop, turns);
  const bytesAnExit = leastAllocation(pc, loop.reason);
  return { name: loop.name, exits: pc.exits()[loop.reason]!, bytesAnExit };
}

// As every program does that runs machines.
inlineExitPath();

const wanted = process.argv.slice(3);
const result: Allocation[] = [];
for (const loop of exitLoops)
  if (wanted.length === 0 || wanted.includes(loop.name)) result.push(await measure(loop, Number(process.argv[2])));
process.stdout.write(JSON.stringify(result));
