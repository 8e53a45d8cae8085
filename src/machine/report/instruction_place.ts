// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from '../layout/core_constants.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';

/** Bytes that an instruction can have. */
const longest = 15;
const pageBytes = 4096n;
const codeBits = [16, 32, 64] as const;

/** The place of an instruction, and its bytes. All are plain values; 64-bit numbers are hexadecimal text with 0x. */
export interface InstructionPlace {
  readonly cs: string;
  readonly rip: string;
  readonly linear: string;
  /** Where the linear address leads, after EPT if the processor runs a guest; null if it is not mapped. */
  readonly physical: string | null;
  /** Width of the code segment. */
  readonly bits: 16 | 32 | 64;
  /** The 15 bytes there, or those of them that are memory, as in `0f 01 f9`; empty outside memory. */
  readonly bytes: string;
}

/** 0x and as many hexadecimal digits as the value needs. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** The width of code that a value of the word DECODE_MODE means. */
export function bitsOf(decodeMode: number): 16 | 32 | 64 {
  return codeBits[decodeMode & Constants.DECODE_CODE] ?? 64;
}

/** Memory at a linear address of the processor's present address space, as far as it is mapped to RAM. */
export function bytesAt(processor: LogicalProcessor, linear: bigint, count = longest): string {
  const { core } = processor;
  const bytes: string[] = [];
  let offset = -1;
  for (let at = linear; at < linear + BigInt(count); at++) {
    if (at === linear || at % pageBytes === 0n) {
      const physical = core.translate(BigInt.asUintN(64, at));
      offset = physical < 0 ? -1 : core.physicalOffset(physical);
    }
    if (offset < 0) break;
    bytes.push(core.u8[offset++]!.toString(16).padStart(2, '0'));
  }
  return bytes.join(' ');
}

/** The instruction at the processor's RIP. */
export function instructionPlace(processor: LogicalProcessor): InstructionPlace {
  const { core } = processor;
  const { block } = core;
  const cs = block.get('CS');
  const bits = bitsOf(block.get('DECODE_MODE'));
  const rip = block.get('RIP');
  const linear = bits === 64 ? rip : BigInt.asUintN(32, rip + cs.base);
  const physical = core.translate(linear);
  return {
    cs: hex(cs.selector),
    rip: hex(rip),
    linear: hex(linear),
    physical: physical < 0 ? null : hex(physical),
    bits,
    bytes: bytesAt(processor, linear),
  };
}
