// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import type { PcEnd } from '../../machine/pc_end.js';
import type { RegisterName, Registers } from '../../machine/processor/register_names.js';
import type { ReportValue } from '../../vmm/vcpu/report_contribution.js';

/** Guest-physical memory, to read. All throw RangeError beyond the end of RAM. */
export interface ExploredMemory {
  read8(physical: number): number;
  read16(physical: number): number;
  read32(physical: number): number;
  read64(physical: number): bigint;
  bytes(physical: number, count: number): Uint8Array;
}

/** A processor, to read. */
export interface ExploredProcessor {
  readonly id: number;
  /** A register by the name that reports give it, such as `RIP`, `RAX` or `CR3`. A processor in VMX non-root operation has the guest's. */
  register<Name extends RegisterName>(name: Name): Registers[Name];
  /** Whether it is in VMX non-root operation. */
  readonly isInGuest: boolean;
  /** Instructions since power-on. */
  readonly instructions: number;
}

/** The machine as a whole. */
export interface ExploredMachine {
  /** Of all processors together, since power-on. */
  readonly instructions: number;
  /** Nanoseconds since power-on. */
  readonly virtualTime: number;
  /** What the guest's console has printed since the run began. */
  readonly output: string;
  /** How the machine has ended, if it has. */
  readonly end: PcEnd | undefined;
}

/** What a predicate sees of a run. */
export interface ExploredRun {
  readonly machine: ExploredMachine;
  readonly memory: ExploredMemory;
  readonly processors: readonly ExploredProcessor[];
  /** VM exits of a basic reason since the run began, of all processors. */
  exits(reason: ExitReason): number;
  /** What extensions report: by extension, then by value. */
  readonly reports: Readonly<Record<string, Readonly<Record<string, ReportValue>>>>;
}

/**
 * Says whether a run has come to what is looked for. It is asked after VM exits, at the ends of turns, and when the machine has ended. It must depend on nothing but
 * the run.
 *
 * @returns true, or in words what was found; false or an empty text: not yet
 */
export type Predicate = (run: ExploredRun) => boolean | string;
