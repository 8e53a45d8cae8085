// SPDX-License-Identifier: LGPL-2.1-only
// What the search for a last writer is made from, and what it says.
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../driver/node/package_paths.js';
import { userFrames } from '../../driver/node/user_frames.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import type { Pc } from '../../machine/pc.js';
import { addressMode, executionState, linearRip } from '../../machine/report/execution_state.js';
import { bytesAt } from '../../machine/report/instruction_place.js';
import type { Debugger } from '../../session/debug/debugger.js';
import { disassemble } from '../death/disassemble.js';

/** What is known of a last write. */
export interface LastWriter {
  /** For people. */
  readonly lines: readonly string[];
  /** The instructions of all processors before it; undefined: nothing has written there. */
  readonly instructions: number | undefined;
}

/**
 * Makes the machine of a recording again, up to its first instruction, for those who look at its beginning: how the image and the VMM came there.
 *
 * @param made called with the machine as it is at power-on
 * @returns why it failed, as it did when the run was recorded
 */
export type Beginning = (made: (pc: Pc) => void) => Promise<string | undefined>;

export interface WhoParts {
  readonly pc: Pc;
  readonly debug: Debugger;
  readonly memory: DebuggedMemory;
  /** Of the target, if it does not say it itself. */
  readonly processor: number;
  readonly beginning?: Beginning;
}

/** What people are told of a beginning that failed. */
export const failureLines = (failure: string | undefined): readonly string[] =>
  failure === undefined ? [] : [`  the run ends there, as the recorded one did: ${failure.split('\n')[0]!}`];

/** Frames of a write that are worth a line. */
const MOST_FRAMES = 3;
/** What every write of the VMM passes: the accessors of VMCS fields, the machine's part, and Node. Who called them is the answer. */
const inner =
  /\/src\/machine\/(memory|processor|debug|intrinsics|vmx)\/|\/src\/(intrinsics|vmm)\/accessors\/|\/src\/vmm\/vmcs_fields\/|VmcsIntelX64\.write |node:internal/;

/** The frames at which TypeScript wrote: the user's, or else those of the VMM and the devices that come first. */
export function writerFrames(trace: string): string[] {
  const own = userFrames(Object.assign(new Error(), { stack: trace }));
  if (own.length > 0) return own.slice(0, MOST_FRAMES);
  const frames = trace.split('\n').filter((line) => line.startsWith('    at '));
  return frames
    .filter((line) => !inner.test(line))
    .slice(0, MOST_FRAMES)
    .map((line) => line.trim().replace(`${pathToFileURL(packageRoot).href}/`, ''));
}

/** RIP, its symbol, and the instruction there. */
export async function instructionText(pc: Pc, processor: number, rip: bigint): Promise<string> {
  const [code] = pc
    .inspect((each) => {
      if (each.id !== processor) return [];
      const state = executionState(each);
      const { bits } = addressMode(state);
      return [{ bits, bytes: bytesAt(each, state, linearRip({ ...state, rip })) }];
    })
    .flat();
  const instruction = await disassemble(code!.bytes, code!.bits, hex(rip));
  const symbol = pc.symbols.own.nameOf(rip);
  const what = instruction === undefined ? '' : `: ${instruction.text}`;
  return `RIP ${hex(rip)}${symbol === undefined ? '' : ` (${symbol})`}${what}`;
}
