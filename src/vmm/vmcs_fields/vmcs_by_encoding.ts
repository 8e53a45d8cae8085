// SPDX-License-Identifier: LGPL-2.1-only
import type { ControlWord } from '../../intrinsics/vmx/control_bits.js';

/**
 * Fields by their encodings (`VmcsField`) and controls by their masks (`PinBasedControl`, `PrimaryControl` and so on). The accessors are built on
 * this. Code that walks over fields, or must not allocate, uses it directly.
 */
export interface VmcsByEncoding {
  /** Whether the processor has the field. */
  exists(field: number): boolean;
  /** @throws VmcsError "… field doesn't exist", VmxError */
  read(field: number): bigint;
  /** 0 if the field does not exist. @param verbose warn then. */
  readIfExists(field: number, verbose?: boolean): bigint;
  /** @throws VmcsError, VmxError naming field, value and reason. */
  write(field: number, value: bigint): void;
  /** Nothing happens if the field does not exist. */
  writeIfExists(field: number, value: bigint, verbose?: boolean): void;
  /** Gives the bits of `mask` their values in `value` and leaves the others. @throws VmcsError, VmxError as `write` does. */
  change(field: number, mask: bigint, value: bigint): void;
  /** Bits 31:0 as a signed number, which is never allocated: for the exit path; 0 on failure. */
  readLow(field: number): number;
  /** Bits 63:32 likewise. */
  readHigh(field: number): number;
  /** Writes both halves without allocation. @throws VmxError */
  writeHalves(field: number, low: number, high: number): void;
  /** Whether all of these controls are 1. */
  isEnabled(word: ControlWord, mask: number): boolean;
  /** Whether all of these controls may be 1. */
  isAllowed1(word: ControlWord, mask: number): boolean;
  /** Whether all of these controls may be 0. */
  isAllowed0(word: ControlWord, mask: number): boolean;
  /** @throws VmcsError "control is not allowed to be set to 1". */
  enable(word: ControlWord, mask: number): void;
  /** @throws VmcsError "control is not allowed to be cleared to 0". */
  disable(word: ControlWord, mask: number): void;
  /** Enables a control if the processor has it. @param verbose warn if not. @returns whether it is 1 now. */
  enableIfAllowed(word: ControlWord, mask: number, verbose?: boolean): boolean;
  disableIfAllowed(word: ControlWord, mask: number, verbose?: boolean): boolean;
  /** Where the VMM wrote the field last, as lines of a stack; undefined unless writes are traced (`VmcsWriteTrace`). */
  lastWrittenAt(field: number): string | undefined;
  /**
   * Runs `body`, whose writes count as those of the owner of a shared resource. Several contributions' requests to one owner are not a contradiction. A
   * contribution that bypasses the owner is.
   */
  asOwner(owner: string, body: () => void): void;
}
