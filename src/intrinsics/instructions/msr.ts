// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** RDMSR and WRMSR. SDM 2B. A #GP throws `ProcessorFault`. */
export interface Msrs {
  rdmsr(address: number): bigint;
  wrmsr(address: number, value: bigint): void;
  /**
   * RDMSR into two halves, low first, without allocation: for the exit path.
   *
   * @param address signed or unsigned. V8 allocates a number of 32 bits where it is above 2^31, unless it is signed.
   */
  rdmsrHalves(address: number, result: Uint32Array): void;
  /** WRMSR of two halves, likewise. */
  wrmsrHalves(address: number, low: number, high: number): void;
}
export const Msrs = component<Msrs>('bareflank.intrinsics.Msrs', 'vmm');
