// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { X64 } from '../../intrinsics/constants.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { VmcsError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { BitmapPage } from './bitmap_page.js';
import type { IoBitmap } from './owners.js';
import { RequestCounter, type Request } from './request.js';
import { SharedSwitch } from './shared_switch.js';

/** Two pages: A for the ports below 8000H, B for the others. */
@injectable()
export class IoBitmapIntelX64 implements IoBitmap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  private pages: BitmapPage | undefined;
  private readonly ports = new RequestCounter((port, isRequested) => this.pages?.set(port, isRequested));
  private readonly use = new SharedSwitch((isOn) => this.vmcs.asOwner('IoBitmap', () => this.turn(isOn)));

  get isEnabled(): boolean {
    return this.use.isOn;
  }

  enable(): Request {
    return this.use.request();
  }

  apply(): void {
    this.use.apply();
  }

  requests(port: number): number {
    return this.ports.count(port);
  }

  trap(port: number): Request {
    if (!Number.isInteger(port) || port < 0 || port > 0xffff)
      throw new VmcsError(`invalid port: ${port}; wanted 0 … 0xffff`);
    return this.ports.request(port);
  }

  [Symbol.dispose](): void {
    this.pages?.release();
    this.pages = undefined;
  }

  private turn(isOn: boolean): void {
    if (!isOn) return this.vmcs.disable('primary', PrimaryControl.UseIoBitmaps);
    this.pages ??= this.makePages();
    this.vmcs.write(VmcsField.AddressOfIoBitmapA, this.pages.physical());
    this.vmcs.write(VmcsField.AddressOfIoBitmapB, this.pages.physical(X64.pageSize));
    this.vmcs.enable('primary', PrimaryControl.UseIoBitmaps);
  }

  private makePages(): BitmapPage {
    const pages = new BitmapPage(this.manager, this.memory, 2 * X64.pageSize);
    for (const port of this.ports.keys()) pages.set(port, true);
    return pages;
  }
}
