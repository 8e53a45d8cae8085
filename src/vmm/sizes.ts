// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../intrinsics/component.js';

/** The sizes of 1.1, and the limits of this framework. */
export const Limit = {
  heapPoolBytes: 8388608,
  pagePoolBytes: 33554432,
  memMapPoolBytes: 8388608,
  memMapPoolStart: 0x200000,
  /** Bits 63:32 of the VMM-virtual address at which `PhysicalWindow` begins. */
  physicalWindowHigh: 0x4000,
  /** The window has 2^46 bytes. */
  physicalWindowBits: 46,
  maxModules: 75,
  debugRingBytes: 32768,
  vmcallInBufferBytes: 131072,
  vmcallOutBufferBytes: 131072,
  exitHandlerStackBytes: 65536,
} as const;

/** How much memory the VMM's parts take, in bytes. In 1.1 these are constants that users override. */
export interface Sizes {
  /** The pool that allocates granules of a cache line. A multiple of the page size, as the other pools. */
  readonly heapPool: number;
  /** The pool that allocates pages. Heap and pages must fit into the driver's memory: 64 MiB on the simulated PC. */
  readonly pagePool: number;
  /** Addresses for maps of guests' memory. */
  readonly mapPool: number;
  /** The strings of a vCPU's debug ring. */
  readonly debugRing: number;
  /** The stack that VM exits of a vCPU switch to. A multiple of the page size. */
  readonly exitStack: number;
  /** The largest in and out buffers of a VMCALL with data. */
  readonly vmcallInBuffer: number;
  readonly vmcallOutBuffer: number;
}
/** Rebind it to override: `rebind(Sizes).toConstantValue({ ...defaultSizes, debugRing: 65536 })`. */
export const Sizes = component<Sizes>('bareflank.Sizes', 'vmm');

/** 1.1's. */
export const defaultSizes: Sizes = {
  heapPool: Limit.heapPoolBytes,
  pagePool: Limit.pagePoolBytes,
  mapPool: Limit.memMapPoolBytes,
  debugRing: Limit.debugRingBytes,
  exitStack: Limit.exitHandlerStackBytes,
  vmcallInBuffer: Limit.vmcallInBufferBytes,
  vmcallOutBuffer: Limit.vmcallOutBufferBytes,
};
