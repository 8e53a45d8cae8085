// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** INVEPT types. */
export const InveptType = {
  singleContext: 1,
  global: 2,
} as const;

/** INVVPID types. */
export const InvvpidType = {
  individualAddress: 0,
  singleContext: 1,
  allContexts: 2,
  singleContextGlobal: 3,
} as const;

/**
 * The VMX instructions of the processor that executes the caller. SDM 3D "VMX Instruction Reference".
 * A `false` (or `undefined`) result is VMfail: read `VM_INSTRUCTION_ERROR` for the reason if a VMCS is current.
 * An instruction that faults (#UD, #GP …) throws `ProcessorFault`.
 */
export interface Vmx {
  /** VMXON. @param region physical address of a 4-KiB region that starts with the VMCS revision id. */
  vmxon(region: bigint): boolean;
  vmxoff(): boolean;
  /** VMCLEAR. @param region physical address of a VMCS region. */
  vmclear(region: bigint): boolean;
  /** VMPTRLD. @param region physical address of a VMCS region. */
  vmptrld(region: bigint): boolean;
  /** VMPTRST: the physical address of the current VMCS, all ones if there is none. */
  vmptrst(): bigint;
  /** VMREAD. @param field encoding. @returns the value, or undefined on VMfail. */
  vmread(field: number): bigint | undefined;
  /** VMWRITE. @param field encoding. */
  vmwrite(field: number, value: bigint): boolean;
  /** VMREAD of bits 31:0 as a signed number, which is never allocated: for the exit path; 0 on VMfail. */
  vmreadLow(field: number): number;
  /** VMREAD of bits 63:32 likewise. */
  vmreadHigh(field: number): number;
  /** VMWRITE from two 32-bit halves, signed or unsigned, for the exit path. */
  vmwriteHalves(field: number, low: number, high: number): boolean;
  /** VMLAUNCH. `true`: this processor is the guest's now, return at once without touching it. `false`: VMfail. */
  vmlaunch(): boolean;
  /** VMRESUME, with the same contract as `vmlaunch`. */
  vmresume(): boolean;
  /** INVEPT. @param type 1 single-context, 2 global. */
  invept(type: number, eptp: bigint): boolean;
  /** INVVPID. @param type 0 individual address, 1 single-context, 2 all, 3 single-context retaining globals. */
  invvpid(type: number, vpid: number, linearAddress: bigint): boolean;
  /** INVVPID of an address in two halves without allocation, for the exit path. */
  invvpidHalves(type: number, vpid: number, low: number, high: number): boolean;
  /** VMCALL: leaves for the VMM if this processor runs as a guest, and returns after it was handled. */
  vmcall(): void;
}
export const Vmx = component<Vmx>('bareflank.intrinsics.Vmx', 'vmm');
