// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import type { AbsentPages } from '../memory/absent_pages.js';
import type { CoreBus } from './core_bus.js';

/** Thrown by the core's imports to unwind it; the state says what happened. Made once: exceptions of guests cost about a microsecond. */
export const unwind = new Error('the processor core unwinds to its caller');

function readBusMsr(u32: Uint32Array, bus: CoreBus, index: number): number {
  const low = bus.msrRead(index);
  if (low === undefined) return 0;
  u32[Layout.BUS_VALUE / 4] = low;
  u32[Layout.BUS_VALUE / 4 + 1] = bus.msrHigh();
  return 1;
}

/** Hears of the writes of an MSR: the two values, and RIP of the instruction if an instruction wrote. The numbers are signed. */
export type MsrListener = (before: bigint, value: bigint, rip: bigint) => void;

/** What the core imports: its memory, its ways out, and the bus of the machine. */
export function coreImports(
  memory: WebAssembly.Memory,
  bus: CoreBus,
  absent: AbsentPages,
  msrWritten: MsrListener,
): Record<string, unknown> {
  const u32 = new Uint32Array(memory.buffer);
  return {
    memory,
    abort: () => {
      throw new Error('the processor core aborted: an assertion of the compiler failed');
    },
    raise: () => {
      throw unwind;
    },
    portRead: (port: number, size: number) => bus.portRead(port, size),
    portWrite: (port: number, size: number, value: number) => bus.portWrite(port, size, value >>> 0),
    mmioRead: (address: number, size: number) => bus.mmioRead(address, size),
    mmioWrite: (address: number, size: number, value: number) => bus.mmioWrite(address, size, value >>> 0),
    acknowledgeInterrupt: () => bus.acknowledgeInterrupt(),
    msrWritten,
    pageWanted: (page: number) => absent.provide(page),
    numericError: (asserted: number) => (bus.numericError?.(asserted !== 0) === false ? 0 : 1),
    initialized: () => bus.initialized?.(),
    taskPriorityRead: () => bus.taskPriorityRead(),
    taskPriorityWrite: (value: number) => bus.taskPriorityWrite(value),
    msrRead: (index: number) => readBusMsr(u32, bus, index >>> 0),
    msrWrite: (index: number, low: number, high: number) => (bus.msrWrite(index >>> 0, low >>> 0, high >>> 0) ? 1 : 0),
  };
}
