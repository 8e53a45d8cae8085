// SPDX-License-Identifier: LGPL-2.1-only
import { PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { extension } from '../container/extension.js';
import { VmcsError } from '../errors.js';
import { BitmapOwner } from './bitmap_owner.js';
import type { BitmapPage } from './bitmap_page.js';
import type { IoBitmap } from './owners.js';
import type { Request, Requester } from '../requests/request.js';

/** Two pages: A for the ports below 8000H, B for the others. */
@extension()
export class IoBitmapIntelX64 extends BitmapOwner implements IoBitmap {
  readonly owner = 'IoBitmap';
  protected readonly bytes = 2 * X64.pageSize;

  requests(port: number): number {
    return this.count(port);
  }

  trap(by: Requester, port: number): Request {
    if (!Number.isInteger(port) || port < 0 || port > 0xffff)
      throw new VmcsError(`invalid port: ${port}; wanted 0 … 0xffff`);
    return this.ask(by, port);
  }

  protected use(page: BitmapPage): void {
    this.vmcs.write(VmcsField.AddressOfIoBitmapA, page.physical());
    this.vmcs.write(VmcsField.AddressOfIoBitmapB, page.physical(X64.pageSize));
    this.vmcs.enable('primary', PrimaryControl.UseIoBitmaps);
  }

  protected useNone(): void {
    this.vmcs.disable('primary', PrimaryControl.UseIoBitmaps);
  }
}
