// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { UserData } from '../vcpu/user_data.js';

/** The functions that the driver calls, on the processor concerned. */
export interface Entry {
  /** Prepares the VMM: memory, tables, serial port. Once, at load. @throws EntryError */
  initVmm(): void;
  /** Puts the running system of this processor into a VM. @throws EntryError; nothing is left behind. */
  startVmm(cpuid: bigint): void;
  /** Takes the system out of the VM again. @throws EntryError */
  stopVmm(cpuid: bigint): void;
}
export const Entry = component<Entry>('bareflank.Entry', 'vmm');

/** Called before each step of a vCPU's life. Their results are passed to the vCPU. Rebind to replace them. */
export interface EntryHooks {
  preCreateVcpu(vcpuid: bigint): UserData | undefined;
  preRunVcpu(vcpuid: bigint): UserData | undefined;
  preHltVcpu(vcpuid: bigint): UserData | undefined;
  preDeleteVcpu(vcpuid: bigint): UserData | undefined;
}
export const EntryHooks = component<EntryHooks>('bareflank.EntryHooks', 'vmm');
