// SPDX-License-Identifier: LGPL-2.1-only
import { PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { extension } from '../container/extension.js';
import { VmcsError } from '../errors.js';
import { hex } from '../support/text.js';
import { BitmapOwner } from './bitmap_owner.js';
import type { BitmapPage } from './bitmap_page.js';
import type { MsrBitmap } from './owners.js';
import type { Request, Requester } from '../requests/request.js';

// SDM 3C "MSR-Bitmap Address": reads of the low range, reads of the high one, writes of the low one, writes of the high one.
const highRangeBits = 0x400 * 8;
const writeBits = 0x800 * 8;

function isCovered(msr: number): boolean {
  return Number.isInteger(msr) && ((msr >= 0 && msr < 0x2000) || (msr >= 0xc0000000 && msr < 0xc0002000));
}

function bitOf(msr: number): number {
  if (isCovered(msr)) return msr < 0x2000 ? msr : highRangeBits + (msr & 0x1fff);
  throw new VmcsError(
    `invalid msr: ${Number.isInteger(msr) && msr >= 0 ? hex(msr) : msr}; the MSR bitmap covers 0x0–0x1fff and 0xc0000000–0xc0001fff, all others exit`,
  );
}

/** One page. */
@extension()
export class MsrBitmapIntelX64 extends BitmapOwner implements MsrBitmap {
  readonly owner = 'MsrBitmap';
  protected readonly bytes = X64.pageSize;

  covers(msr: number): boolean {
    return isCovered(msr);
  }

  trapRead(by: Requester, msr: number): Request {
    return this.ask(by, bitOf(msr));
  }

  trapWrite(by: Requester, msr: number): Request {
    return this.ask(by, writeBits + bitOf(msr));
  }

  protected use(page: BitmapPage): void {
    this.vmcs.write(VmcsField.AddressOfMsrBitmap, page.physical());
    this.vmcs.enable('primary', PrimaryControl.UseMsrBitmap);
  }

  protected useNone(): void {
    this.vmcs.disable('primary', PrimaryControl.UseMsrBitmap);
  }
}
