// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../errors.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { CountedOwner } from '../requests/counted_owner.js';
import type { ExceptionBitmap } from './owners.js';
import type { Request, Requester } from '../requests/request.js';

/** The bits for which there is a request. */
@injectable()
export class ExceptionBitmapIntelX64 extends CountedOwner<number> implements ExceptionBitmap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  readonly owner = 'ExceptionBitmap';

  trap(by: Requester, vector: number): Request {
    if (!Number.isInteger(vector) || vector < 0 || vector > 31 || vector === Vector.NmiInterrupt)
      throw new VmcsError(
        `invalid vector: ${vector}; wanted 0 … 31 except 2, because NMIs exit by the pin-based control NMI exiting. SDM 3C "Exception Bitmap"`,
      );
    return this.ask(by, vector);
  }

  apply(): void {
    if (this.bits() !== 0n) this.turn();
  }

  protected turn(): void {
    this.vmcs.asOwner(this.owner, () => this.vmcs.write(VmcsField.ExceptionBitmap, this.bits()));
  }

  private bits(): bigint {
    let bits = 0n;
    for (const vector of this.keys()) bits |= 1n << BigInt(vector);
    return bits;
  }
}
