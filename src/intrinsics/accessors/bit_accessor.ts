// SPDX-License-Identifier: LGPL-2.1-only
import type { BitAccess } from './accessor_types.js';
import { BitsAccessor } from './bits_accessor.js';

/** One bit of a word. */
export class BitAccessor extends BitsAccessor implements BitAccess {
  isEnabled(): boolean {
    return this.get() !== 0n;
  }

  isDisabled(): boolean {
    return this.get() === 0n;
  }

  isEnabledIfExists(verbose = false): boolean {
    return this.getIfExists(verbose) !== 0n;
  }

  isDisabledIfExists(verbose = false): boolean {
    return this.getIfExists(verbose) === 0n;
  }

  enable(): void {
    this.set(1n);
  }

  disable(): void {
    this.set(0n);
  }

  enableIfExists(verbose = false): void {
    if (this.isThere(verbose)) this.enable();
  }

  disableIfExists(verbose = false): void {
    if (this.isThere(verbose)) this.disable();
  }
}
