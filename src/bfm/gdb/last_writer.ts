// SPDX-License-Identifier: LGPL-2.1-only
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../driver/node/package_paths.js';
import { userFrames } from '../../driver/node/user_frames.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { PAGE_BYTES } from '../../machine/memory/page_contents.js';
import type { Pc } from '../../machine/pc.js';
import { addressMode, executionState } from '../../machine/report/execution_state.js';
import { bytesAt } from '../../machine/report/instruction_place.js';
import type { Debugger } from '../../session/debug/debugger.js';
import { lastWrite, type WriteStop } from '../../session/debug/last_write.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { disassemble } from '../death/disassemble.js';
import { UsageError } from '../failures/usage_error.js';
import type { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import { toHex } from './hex_bytes.js';

/** Bytes whose writer is wanted. */
export interface WrittenBytes {
  readonly address: bigint;
  /** The address is one of the machine's memory, not a linear one. */
  readonly isPhysical: boolean;
  readonly bytes: number;
}

const text = /^(phys:)?(0x[0-9a-fA-F]{1,16})(?:,([0-9]{1,4}))?$/;
/** Frames of a write that are worth a line. */
const MOST_FRAMES = 3;
/** What the machine does for a write of the VMM, and Node. */
const inner = /\/src\/machine\/(memory|processor|debug|intrinsics)\/|node:internal/;

/** An address as people type it: linear, or `phys:` and a physical one, with the number of bytes behind a comma. @throws UsageError */
export function parseWrittenBytes(value: string): WrittenBytes {
  const [, physical, address, count = '1'] = text.exec(value) ?? [];
  const bytes = Number(count);
  if (address === undefined || bytes < 1 || Number(BigInt(address) % BigInt(PAGE_BYTES)) + bytes > PAGE_BYTES)
    throw UsageError.ofOption(
      '--who',
      value,
      "an address as in 0xffffffff81000000, 'phys:0x1000' or '0x1000,8', within one page",
    );
  return { address: BigInt(address), isPhysical: physical !== undefined, bytes };
}

/** What is known of a last write. */
export interface LastWriter {
  /** For people. */
  readonly lines: readonly string[];
  /** The instructions of all processors before it; undefined: nothing has written there. */
  readonly instructions: number | undefined;
}

interface WhoParts {
  readonly pc: Pc;
  readonly debug: Debugger;
  readonly memory: DebuggedMemory;
  /** Whose page tables translate a linear address. */
  readonly processor: number;
}

/**
 * Finds who wrote bytes last before the present point. The run is before the write afterwards.
 *
 * @throws BareflankError for an address that leads to no memory
 */
export async function lastWriterOf(
  { pc, debug, memory, processor }: WhoParts,
  wanted: WrittenBytes,
): Promise<LastWriter> {
  const { address, isPhysical, bytes } = wanted;
  const physical = isPhysical ? address : memory.translate(processor, address);
  if (physical === undefined)
    throw new BareflankError(
      `${hex(address)}: processor ${processor} does not translate this linear address here; phys:ADDRESS names a physical one`,
    );
  const valueOf = (): string => toHex(memory.readPhysical(physical, bytes));
  const after = valueOf();
  const place = isPhysical ? `physical ${hex(physical)}` : `${hex(address)} (physical ${hex(physical)})`;
  const stop = await lastWrite(debug, physical, bytes);
  if (stop === undefined)
    return {
      lines: [`${place}, ${bytes} bytes: nothing has written there since the recording began`],
      instructions: undefined,
    };
  const { instructions, exitCount, virtualTime } = pc;
  const lines = [
    `${place}, ${bytes} bytes: last written by processor ${stop.processor}, ${await writerOf(pc, stop)}`,
    `  bytes before: ${valueOf()}, after: ${after}`,
    `  ${groupedDigits(instructions)} instructions of all processors before it, ${groupedDigits(exitCount)} VM exits, ${groupedDigits(virtualTime)} ns`,
    ...(stop.kind === 'machine' ? framesOf(stop.trace).map((frame) => `  ${frame}`) : []),
  ];
  return { lines, instructions };
}

async function writerOf(pc: Pc, stop: WriteStop): Promise<string> {
  if (stop.kind === 'machine') return 'in TypeScript: the VMM, the VMX engine or a device';
  const { rip } = stop;
  const [code] = pc
    .inspect((each) => {
      if (each.id !== stop.processor) return [];
      const state = executionState(each);
      const { bits } = addressMode(state);
      const linear = bits === 64 ? rip : BigInt.asUintN(32, rip + state.cs.base);
      return [{ bits, bytes: bytesAt(each, state, linear) }];
    })
    .flat();
  const instruction = await disassemble(code!.bytes, code!.bits, hex(rip));
  const symbol = pc.symbols.own.nameOf(rip);
  const at = `RIP ${hex(rip)}${symbol === undefined ? '' : ` (${symbol})`}`;
  const what = instruction === undefined ? '' : `: ${instruction.text}`;
  return stop.kind === 'access'
    ? `at ${at}${what}`
    : `itself (a page walk, or another structure of the processor), at ${at}${what}`;
}

/** The user's frames, or else those of the VMM and the devices that come first. */
function framesOf(trace: string): string[] {
  const own = userFrames(Object.assign(new Error(), { stack: trace }));
  if (own.length > 0) return own.slice(0, MOST_FRAMES);
  const frames = trace.split('\n').filter((line) => line.startsWith('    at '));
  return frames
    .filter((line) => !inner.test(line))
    .slice(0, MOST_FRAMES)
    .map((line) => line.trim().replace(`${pathToFileURL(packageRoot).href}/`, ''));
}
