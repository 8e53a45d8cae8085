// SPDX-License-Identifier: LGPL-2.1-only
// node exit_allocation.js TURNS NAME…: what the exits of these loops (all of them by default) allocate, as JSON. A process of its own: what else a
// process has compiled and keeps decides about its heap, and its caller chooses by options what V8 inlines.
import { inlineExitPath } from '../../src/driver/node/exit_path_inlining.js';
import type { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import type { Pc } from '../../src/machine/pc.js';
import { leastAllocation } from '../support/least_allocation.js';
import { exitLoops, startedLoop, type ExitLoop } from './exit_loops.js';

/** What one kind of exit allocates. */
export interface Allocation {
  readonly name: string;
  readonly exits: number;
  readonly bytesAnExit: number;
}

/** Quanta between two garbage collections: some 10^4 exits. */
const quanta = 5;

/** Runs a piece of the guest. @returns its exits, undefined if the guest has ended. */
function runPiece(pc: Pc, reason: ExitReason): number | undefined {
  const before = pc.exits()[reason]!;
  for (let quantum = 0; quantum < quanta; quantum++) {
    const end = pc.runQuantum(() => true);
    if (end === undefined) continue;
    if (end.kind !== 'debug-exit') throw new Error(`the guest ended by ${end.kind}: ${end.detail}`);
    return undefined;
  }
  return pc.exits()[reason]! - before;
}

async function measure(loop: ExitLoop, turns: number): Promise<Allocation> {
  const pc = await startedLoop(loop, turns);
  const bytesAnExit = leastAllocation(() => runPiece(pc, loop.reason));
  return { name: loop.name, exits: pc.exits()[loop.reason]!, bytesAnExit };
}

// As programs do whose guests exit all the time.
inlineExitPath();

const wanted = process.argv.slice(3);
const result: Allocation[] = [];
for (const loop of exitLoops)
  if (wanted.length === 0 || wanted.includes(loop.name)) result.push(await measure(loop, Number(process.argv[2])));
process.stdout.write(JSON.stringify(result));
