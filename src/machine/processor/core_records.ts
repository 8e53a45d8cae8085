// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import type { BlockMemory } from './processor_block.js';

/** The last opcode that is in no table of the core. */
export interface UndefinedOpcodeRecord {
  /** How many such opcodes were met. */
  readonly count: number;
  /** The word DECODE_MODE at that time. */
  readonly decodeMode: number;
  readonly rip: bigint;
  readonly linear: bigint;
}

/** An event that the core could not deliver. */
export interface ChainedEvent {
  /** As the word DELIVERY; with bit 30, this event and the one before it became #DF. */
  readonly information: number;
  readonly errorCode: number;
  /** Linear address of a page fault. */
  readonly address: bigint;
}

/** The events that led to a triple fault. */
export interface EventChain {
  /** RIP of the first. */
  readonly rip: bigint;
  readonly events: readonly ChainedEvent[];
}

const eventBytes = 16;

/** What the core writes down for reports: words of the machine, not of one processor. */
export class CoreRecords {
  constructor(private readonly memory: BlockMemory) {}

  /** Why the core stopped with `StopReason.Unimplemented`: Constants.UNIMPLEMENTED_*. */
  get unimplemented(): number {
    return this.memory.u32[Layout.UNIMPLEMENTED / 4]!;
  }

  /** Undefined if no such opcode was met. */
  get undefinedOpcode(): UndefinedOpcodeRecord | undefined {
    const { u32, u64 } = this.memory;
    const count = u32[Layout.UNDEFINED / 4]!;
    if (count === 0) return undefined;
    return {
      count,
      decodeMode: u32[Layout.UNDEFINED / 4 + 1]!,
      rip: u64[Layout.UNDEFINED / 8 + 1]!,
      linear: u64[Layout.UNDEFINED / 8 + 2]!,
    };
  }

  /** Undefined if the last event was delivered. */
  get tripleFault(): EventChain | undefined {
    const { u32, u64 } = this.memory;
    if (u32[Layout.EVENT_CHAIN / 4 + 1] !== 1) return undefined;
    const event = (at: number): ChainedEvent => ({
      information: u32[at / 4]!,
      errorCode: u32[at / 4 + 1]!,
      address: u64[at / 8 + 1]!,
    });
    const events = Array.from({ length: u32[Layout.EVENT_CHAIN / 4]! }, (_, i) =>
      event(Layout.EVENT_CHAIN + eventBytes * (i + 1)),
    );
    return { rip: u64[Layout.EVENT_CHAIN / 8 + 1]!, events };
  }
}
