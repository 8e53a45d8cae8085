// SPDX-License-Identifier: LGPL-2.1-only
import { bfdebug, MsrBitmap, vcpuModule, VmcsContribution } from 'bareflank';
import { inject, injectable } from 'inversify';

/** Lets the guest read and write its MSRs without an exit, except those that another extension asks for. */
@injectable()
export class MsrBitmapContribution implements VmcsContribution {
  @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
  readonly name = 'msr-bitmap';

  setUp(): void {
    this.msrBitmap.enable(this);
    bfdebug`enabling pass through msr bitmap`;
  }
}

export default vcpuModule(({ bind }) => bind(VmcsContribution).to(MsrBitmapContribution));
