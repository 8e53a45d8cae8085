// SPDX-License-Identifier: LGPL-2.1-only
import { component } from './component.js';

/** Instructions without a group of their own: caches, TLB, time, halt. */
export interface Processor {
  /** The number of the logical processor that executes the caller, from 0. */
  id(): number;
  invd(): void;
  wbinvd(): void;
  clflush(address: bigint): void;
  invlpg(address: bigint): void;
  rdtsc(): bigint;
  rdtscp(): bigint;
  /** RDTSC into two unsigned halves, low first, without allocation: for the exit path. */
  rdtscHalves(result: Uint32Array): void;
  /** RDTSCP likewise. */
  rdtscpHalves(result: Uint32Array): void;
  /** RDPMC into two unsigned halves. @throws ProcessorFault for a counter that does not exist. */
  rdpmcHalves(counter: number, result: Uint32Array): void;
  /** RDRAND of 64 bits into two unsigned halves. @returns CF: whether there was a number. */
  rdrandHalves(result: Uint32Array): boolean;
  /** RDSEED likewise. */
  rdseedHalves(result: Uint32Array): boolean;
  pause(): void;
  /** HLT with interrupts as they are. */
  halt(): void;
  /**
   * Whether the driver's own context, which starts and stops the VMM, executes on this processor. In the simulated PC that is `DriverContext`; on
   * metal, the driver's CR3 and a RIP in its code. No guest can make this true.
   */
  isDriverContext(): boolean;
  /** CLI and HLT: stops this processor for good. @param reason for the report. */
  stop(reason: string): void;
}
export const Processor = component<Processor>('bareflank.intrinsics.Processor', 'vmm');

/** All logical processors that the VMM holds. */
export interface Processors {
  /**
   * Runs work on each processor that the VMM holds, in VMX root operation: on the executing processor before `onEach` returns, on each other one
   * before its next guest instruction. The caller never waits for another processor. If a processor has the same function waiting already, it
   * runs it once. The work may not go on as the guest, and a VMM that is stopped first leaves it out.
   */
  onEach(work: () => void): void;
  /** Runs what waits for the executing processor. The exit handler calls it at a VM exit of the reason `PENDING_WORK`. */
  runPending(): void;
}
export const Processors = component<Processors>('bareflank.intrinsics.Processors', 'vmm');
