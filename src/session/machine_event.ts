// SPDX-License-Identifier: LGPL-2.1-only
import type { Moment } from '../machine/moment.js';

/** What comes into a machine from outside and may change what its guest or its VMM sees. */
export type MachineEvent =
  /** Bytes for the guest's console. */
  | { readonly kind: 'typed'; readonly bytes: readonly number[] }
  /** A call of the VMM's driver: the method and its parameters, as plain JSON values. */
  | { readonly kind: 'call'; readonly method: string; readonly params: unknown }
  /** A choice of the owner: this processor executes next. */
  | { readonly kind: 'turn'; readonly processor: number };

/** A driver's call among the events. */
export type DriverCall = Extract<MachineEvent, { readonly kind: 'call' }>;

/** An event with the moment of the run at which it came in. */
export interface StampedEvent {
  readonly at: Moment;
  readonly event: MachineEvent;
}
