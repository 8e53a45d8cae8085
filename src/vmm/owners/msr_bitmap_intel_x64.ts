// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { X64 } from '../../intrinsics/constants.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { VmcsError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { hex } from '../support/text.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { BitmapPage } from './bitmap_page.js';
import type { MsrBitmap } from './owners.js';
import { RequestCounter, type Request } from './request.js';

// SDM 3C "MSR-Bitmap Address": reads of the low range, reads of the high one, writes of the low one, writes of the high one.
const highRangeBits = 0x400 * 8;
const writeBits = 0x800 * 8;

function bitOf(msr: number): number {
  const number = msr >>> 0;
  if (number < 0x2000) return number;
  if (number >= 0xc0000000 && number < 0xc0002000) return highRangeBits + (number & 0x1fff);
  throw new VmcsError(
    `invalid msr: ${hex(number)}; the MSR bitmap covers 0x0–0x1fff and 0xc0000000–0xc0001fff, all others exit`,
  );
}

/** One page; bits are set as long as somebody asks for them. */
@injectable()
export class MsrBitmapIntelX64 implements MsrBitmap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  private page: BitmapPage | undefined;
  private readonly requests = new RequestCounter((bit, isRequested) => this.page?.set(bit, isRequested));
  isEnabled = false;

  enable(): void {
    this.page ??= this.makePage();
    this.vmcs.write(VmcsField.AddressOfMsrBitmap, this.page.physical());
    this.vmcs.enable('primary', PrimaryControl.UseMsrBitmap);
    this.isEnabled = true;
  }

  disable(): void {
    this.vmcs.disable('primary', PrimaryControl.UseMsrBitmap);
    this.isEnabled = false;
  }

  trapRead(msr: number): Request {
    return this.requests.request(bitOf(msr));
  }

  trapWrite(msr: number): Request {
    return this.requests.request(writeBits + bitOf(msr));
  }

  [Symbol.dispose](): void {
    this.page?.release();
    this.page = undefined;
  }

  private makePage(): BitmapPage {
    const page = new BitmapPage(this.manager, this.memory, X64.pageSize);
    for (const bit of this.requests.keys()) page.set(bit, true);
    return page;
  }
}
