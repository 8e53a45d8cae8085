// SPDX-License-Identifier: LGPL-2.1-only
import { component } from './component.js';

/** Called by the processor on each VM exit of a guest that an intrinsic entered. Must end in `vmresume`, `vmlaunch`, `vmxoff` or `halt`. */
export type ExitEntry = () => void;

/** Where VM exits arrive: the only way from the hardware into the VMM. */
export interface HostEntry {
  /** Attaches the exit entry of the executing processor and returns the value for `HOST_RIP`. */
  attach(entry: ExitEntry): bigint;
  /** Forgets the exit entry of the executing processor. */
  detach(): void;
}
export const HostEntry = component<HostEntry>('bareflank.intrinsics.HostEntry', 'vmm');
