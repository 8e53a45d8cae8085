// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** VMX operation of one processor. SDM 3C "Enabling and Entering VMX Operation". */
export interface Vmxon {
  /** Checks, then VMXON. A failure undoes all changes. @throws VmxonError naming the check, VmxError */
  start(): void;
  /** VMXOFF, and CR4.VMXE cleared. A warning if VMX operation is not on. @throws VmxonError, VmxError */
  stop(): void;
  readonly isOn: boolean;
}
export const Vmxon = component<Vmxon>('bareflank.Vmxon', 'vcpu');
