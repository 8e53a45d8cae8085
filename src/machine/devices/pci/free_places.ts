// SPDX-License-Identifier: LGPL-2.1-only
import { BusConflictError } from '../bus_conflict_error.js';
import { hex } from '../../../intrinsics/texts/hex.js';

/** Addresses from the first to the last one. */
export interface AddressWindow {
  readonly first: number;
  readonly last: number;
}

/** Gives away the places of a window from its beginning on. */
export class FreePlaces {
  private next: number;

  constructor(private readonly window: AddressWindow) {
    this.next = window.first;
  }

  /** A place for a range. @param bytes a power of two, which divides the place @throws BusConflictError if the window is full */
  take(bytes: number): number {
    const place = Math.ceil(this.next / bytes) * bytes;
    if (place + bytes - 1 > this.window.last)
      throw new BusConflictError(
        `PCI functions have no room for ${bytes} more bytes between ${hex(this.window.first)} and ${hex(this.window.last)}`,
      );
    this.next = place + bytes;
    return place;
  }
}
