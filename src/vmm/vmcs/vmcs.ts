// SPDX-License-Identifier: LGPL-2.1-only
import type { VmcsAccessors } from '../../intrinsics/accessors/vmcs_accessors.js';
import { component } from '../../intrinsics/component.js';
import type { ControlWord } from '../../intrinsics/control_bits.js';
import type { VmcsContribution } from '../contributions/vmcs_contribution.js';
import type { ExitEntry } from '../../intrinsics/host_entry.js';

/**
 * Fields by their encodings (`VmcsField`) and controls by their masks (`PinBasedControl`, `PrimaryControl` and so on): what the accessors stand
 * on, and what code uses that walks over fields or must not allocate.
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
  /** Bits 31:0 without allocation, for the exit path; 0 on failure. */
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
  /** Where the VMM wrote the field last, as lines of a stack; undefined unless that is traced (`VmcsWriteTrace`). */
  lastWrittenAt(field: number): string | undefined;
  /**
   * Runs `body`, whose writes are those of the owner of a shared resource, whoever asked it: what several contributions ask of one owner is no
   * contradiction, what one of them writes beside the owner is.
   */
  asOwner(owner: string, body: () => void): void;
}

/**
 * The VMCS of this vCPU. SDM 3C "Virtual Machine Control Structures". Every field and bit is there by its name (`VmcsAccessors`):
 * `vmcs.guestRip.get()`, `vmcs.primaryProcessorBasedVmExecutionControls.hltExiting.enable()`. Precondition of all but `launch`: VMX root
 * operation, and this VMCS is the current one.
 */
export interface Vmcs extends VmcsByEncoding, VmcsAccessors {
  /** The id of its vCPU. */
  readonly vcpuid: bigint;
  /**
   * Makes the region, fills all fields and enters the guest. When it returns, the processor is the guest's.
   *
   * @param entry called at each VM exit.
   * @param contributions set it up further, in order. They are the vCPU's to give: owners of shared resources, which they ask, need the VMCS.
   * @throws VmEntryError with every rule that the VMCS breaks; region and stack are released.
   */
  launch(entry: ExitEntry, contributions?: readonly VmcsContribution[]): void;
  /** For the vCPU: the function that `launch` was given, of a launch that a restored state is in. */
  attachEntry(entry: ExitEntry): void;
  /** Enters the guest again; returns when the processor is the guest's. @throws VmEntryError */
  resume(): void;
  /** Turns the guest back into the system that owns the processor; it goes on with its VMXOFF. @throws VmxError */
  promote(): void;
  /** Makes this VMCS the current one. @throws VmxError */
  load(): void;
  /** Writes it back to its region and ends its launch state. @throws VmxError */
  clear(): void;
  /** Gives back region and stack; the next launch makes new ones. */
  release(): void;
}
export const Vmcs = component<Vmcs>('bareflank.Vmcs', 'vcpu');
