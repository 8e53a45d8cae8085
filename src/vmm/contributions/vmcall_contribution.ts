// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Exit } from '../exit/exit.js';
import type { VmcallRegisters } from '../exit/vmcall_registers.js';

/** Handles VMCALLs. Asked in order until one returns true; the base comes last. */
export interface VmcallContribution extends Contribution {
  /** Values of R00. */
  readonly opcodes: readonly number[];
  /**
   * Whether CPL 1 to 3 may call this contribution too. By default only CPL 0 may. A VMCALL from user mode that no contribution allows is #UD, as on
   * a processor without VMX; the base answers none. If this is true, untrusted programs can call the contribution.
   */
  readonly allowsUserMode?: boolean;
  /**
   * Change the registers to answer; R01 is set by the caller: 0, or the error if this throws.
   *
   * @param exit the VM exit of the VMCALL: its VMCS, and the CPL of the guest that called (`exit.privilegeLevel()`).
   * @returns true: handled.
   */
  handleVmcall(registers: VmcallRegisters, exit: Exit): boolean;
  /** A JSON command (VMCALL data of type 2). @returns the answer; undefined: the next contribution, finally the base, is asked. */
  handleVmcallJson?(command: unknown): unknown;
}
export const VmcallContribution = contribution<VmcallContribution>('bareflank.VmcallContribution', 'vcpu', {
  numbers: ['opcodes'],
  methods: ['handleVmcall'],
  optional: ['handleVmcallJson'],
  switches: ['allowsUserMode'],
});
