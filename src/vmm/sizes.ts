// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../intrinsics/component.js';
import { Limit } from '../intrinsics/constants.js';

/** How much memory the VMM's parts take, in bytes: what 1.1 lets its users override as constants. */
export interface Sizes {
  /** What is allocated in granules of a cache line. A multiple of the page size, as the other pools. */
  readonly heapPool: number;
  /** What is allocated in pages. Heap and pages must fit into what the driver gives: 64 MiB on the simulated PC. */
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
