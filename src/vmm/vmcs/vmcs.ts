// SPDX-License-Identifier: LGPL-2.1-only
import type { VmcsAccessors } from '../../intrinsics/accessors/vmcs_accessors.js';
import { component } from '../../intrinsics/component.js';
import type { ExitEntry } from '../../intrinsics/host_entry.js';
import type { VmcsByEncoding } from '../vmcs_fields/vmcs_by_encoding.js';

/** Sets a new VMCS up further, before its launch: a part of the vCPU's own, or what a user contributes (`VmcsContribution`). */
export interface VmcsSetUp {
  /** Messages name it by this. */
  readonly name: string;
  setUp(vmcs: Vmcs): void;
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
   * @param setUps set it up further, in order. They are the vCPU's to give: owners of shared resources, which they ask, need the VMCS.
   * @throws VmEntryError with every rule that the VMCS breaks; region and stack are released.
   */
  launch(entry: ExitEntry, setUps?: readonly VmcsSetUp[]): void;
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
