// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { hex } from '../support/text.js';

/** An access that the VMM made for its guest misses the guest's page table: the guest gets #PF, with this address in CR2. */
export class GuestPageFault extends ProcessorFault {
  constructor(
    readonly address: bigint,
    errorCode: number,
  ) {
    super(Vector.PageFault, errorCode, `guest-linear ${hex(address)}: #PF with error code ${hex(errorCode)}`);
  }
}
