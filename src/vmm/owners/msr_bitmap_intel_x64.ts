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
import { SharedSwitch } from './shared_switch.js';

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

/** One page; bits are set as long as somebody asks for them. */
@injectable()
export class MsrBitmapIntelX64 implements MsrBitmap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  private page: BitmapPage | undefined;
  private readonly requests = new RequestCounter((bit, isRequested) => this.page?.set(bit, isRequested));
  private readonly use = new SharedSwitch((isOn) => this.vmcs.asOwner('MsrBitmap', () => this.turn(isOn)));

  get isEnabled(): boolean {
    return this.use.isOn;
  }

  enable(): Request {
    return this.use.request();
  }

  apply(): void {
    this.use.apply();
  }

  covers(msr: number): boolean {
    return isCovered(msr);
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

  private turn(isOn: boolean): void {
    if (!isOn) return this.vmcs.disable('primary', PrimaryControl.UseMsrBitmap);
    this.page ??= this.makePage();
    this.vmcs.write(VmcsField.AddressOfMsrBitmap, this.page.physical());
    this.vmcs.enable('primary', PrimaryControl.UseMsrBitmap);
  }

  private makePage(): BitmapPage {
    const page = new BitmapPage(this.manager, this.memory, X64.pageSize);
    for (const bit of this.requests.keys()) page.set(bit, true);
    return page;
  }
}
