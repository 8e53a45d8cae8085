// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A boot start found a processor whose mode a guest cannot have. */
export class UnpagedGuestError extends BareflankError {
  constructor(cr0: bigint) {
    super(
      `the processor was started with CR0 = 0x${cr0.toString(16)}, without paging: a guest may only go on so with ` +
        `"unrestricted guest" (SDM 3C "Restrictions on VMX Operation"). Enable EPT and unrestricted guest in write_fields, or enter the guest in 64-bit mode`,
    );
  }
}
