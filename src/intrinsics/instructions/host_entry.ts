// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** Called by the processor on each VM exit of a guest that an intrinsic entered. Must end in `vmresume`, `vmlaunch`, `returnTo` or `stop`. */
export type ExitEntry = () => void;

/**
 * Where VM exits arrive: the only way from the hardware into the VMM. In VMX root operation no interrupt and no NMI reaches the VMM: interrupts are
 * off. An NMI, which the processor would deliver through the host's IDT, waits until the next VM entry, or until `returnTo`, and is then the guest's. The
 * simulated PC keeps the NMI pending. On metal, the host's IDT has a handler that sends the NMI once more when root operation ends.
 */
export interface HostEntry {
  /** Attaches the exit entry of a processor, by default the executing one, and returns the value for `HOST_RIP`. */
  attach(entry: ExitEntry, processor?: number): bigint;
  /** Forgets the exit entry of the executing processor. */
  detach(): void;
  /**
   * Where the caller of `vmlaunch` continues as the guest: the values for `GUEST_RIP` and `GUEST_RSP` of a launch that demotes the running
   * system. In the simulated PC it is the driver's context (its code page and stack), on metal the launch stub.
   */
  launchPoint(): { readonly rip: bigint; readonly rsp: bigint };
  /**
   * The end of `promote`: the general-purpose registers of `GeneralRegisters`, then RSP, RFLAGS and RIP are loaded. The processor goes on natively in
   * VMX root, as the former guest. `true`: the processor is no longer the VMM's, the caller must return at once without
   * touching it (the contract of `vmlaunch`).
   */
  returnTo(rip: bigint, rsp: bigint, rflags: bigint): boolean;
}
export const HostEntry = component<HostEntry>('bareflank.intrinsics.HostEntry', 'vmm');
