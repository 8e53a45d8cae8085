// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { Vmcs } from '../vmcs/vmcs.js';

/** What an EPT entry permits, to be ORed. */
export const EptAccess = { Read: 1, Write: 2, Execute: 4, All: 7 } as const;

/**
 * A named view of guest-physical memory, derived from the base map: it may take accesses away or redirect pages, never add what the base
 * excludes. Pages are of 4 KiB. Changes take effect at once, also for processors that use the view.
 */
export interface EptView {
  readonly name: string;
  /** The EPT pointer. */
  readonly pointer: bigint;
  /** Permits only `access` (of `EptAccess`) to the page of an address. @throws VmcsError for write without read, or a page that the base excludes. */
  restrict(guestPhysical: bigint, access: number): void;
  /** Lets the page lead to another one. @throws VmcsError if the base excludes either. */
  redirect(guestPhysical: bigint, physical: bigint): void;
  /** Back to what the base has. */
  restore(guestPhysical: bigint): void;
}

/** Guest-physical memory. SDM 3C "The Extended Page Table Mechanism (EPT)". The base map: every address is itself, without the VMM's own. */
export interface Ept {
  /** Whether the processor can walk the tables that this component builds. */
  isSupported(): boolean;
  /** The EPT pointer of the base map, which is built when it is first asked for. */
  pointer(): bigint;
  /** The view of a name, made when it is first asked for. */
  view(name: string): EptView;
  /** Makes a vCPU use a view, or the base map. Precondition: its VMCS is the current one. */
  use(vmcs: Pick<Vmcs, 'write' | 'enable'>, view?: EptView): void;
}
export const Ept = component<Ept>('bareflank.Ept', 'vmm');
