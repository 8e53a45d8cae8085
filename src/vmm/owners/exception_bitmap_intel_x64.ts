// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { Vector } from '../../intrinsics/exit_information.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { VmcsError } from '../errors.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { ExceptionBitmap } from './owners.js';
import { RequestCounter, type Request } from './request.js';

/** The bits that anybody asks for. */
@injectable()
export class ExceptionBitmapIntelX64 implements ExceptionBitmap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  private readonly requests = new RequestCounter(() => {});

  trap(vector: number): Request {
    if (!Number.isInteger(vector) || vector < 0 || vector > 31 || vector === Vector.NmiInterrupt)
      throw new VmcsError(
        `invalid vector: ${vector}; wanted 0 … 31 but 2, for NMIs exit by the pin-based control NMI exiting. SDM 3C "Exception Bitmap"`,
      );
    const request = this.requests.request(vector);
    this.write();
    return {
      [Symbol.dispose]: () => {
        request[Symbol.dispose]();
        this.write();
      },
    };
  }

  apply(): void {
    if (this.requests.keys().length > 0) this.write();
  }

  private write(): void {
    const bits = this.requests.keys().reduce((all, vector) => all | (1n << BigInt(vector)), 0n);
    this.vmcs.asOwner('ExceptionBitmap', () => this.vmcs.write(VmcsField.ExceptionBitmap, bits));
  }
}
