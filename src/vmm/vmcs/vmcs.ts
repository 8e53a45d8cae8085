// SPDX-License-Identifier: LGPL-2.1-only
import type { VmcsAccessors } from '../../intrinsics/accessors/vmcs_accessors.js';
import { component } from '../../intrinsics/component.js';
import type { ExitEntry } from '../../intrinsics/instructions/host_entry.js';
import type { VmcsByEncoding } from '../vmcs_fields/vmcs_by_encoding.js';

/** Further set-up of a new VMCS before its launch: one of the vCPU's own parts, or a user's `VmcsContribution`. */
export interface VmcsSetUp {
  /** Messages name it by this. */
  readonly name: string;
  setUp(vmcs: Vmcs): void;
}

/**
 * The VMCS of this vCPU. SDM 3C "Virtual Machine Control Structures". Every field and bit has an accessor by name (`VmcsAccessors`):
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
   * @param setUps further set-up steps, in order. The vCPU provides them, because they ask owners of shared resources, and the owners need the VMCS.
   * @throws VmEntryError with every rule that the VMCS breaks; region and stack are released.
   */
  launch(entry: ExitEntry, setUps?: readonly VmcsSetUp[]): void;
  /**
   * Lets further steps of set-up write fields, in order: those of a launch, and those that a reload adds. Two of them that contradict each other are an
   * error, and so is a write to a field of the driver's context.
   */
  setUpFurther(setUps: readonly VmcsSetUp[]): void;
  /** For the vCPU: gives a restored launch the function that `launch` got. @param processor where the guest was when its state was read */
  attachEntry(entry: ExitEntry, processor?: number): void;
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
