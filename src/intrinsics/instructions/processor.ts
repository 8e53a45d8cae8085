// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

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

/** The other logical processors. */
export interface Processors {
  /**
   * Each other processor that the VMM holds leaves its guest, by a VM exit of the reason `PENDING_WORK`, before it executes another instruction of
   * it. The caller never waits: on metal the processors get an NMI. `ProcessorWork` keeps what they have to do.
   */
  interruptOthers(): void;
}
export const Processors = component<Processors>('bareflank.intrinsics.Processors', 'vmm');
