// SPDX-License-Identifier: LGPL-2.1-only
import { inject } from 'inversify';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { extension } from '../container/extension.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { derived, state } from '../state/state.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { BitmapPage } from './bitmap_page.js';
import { CountedOwner } from '../requests/counted_owner.js';
import type { Request, Requester } from '../requests/request.js';

/** A request to use the bitmap, or to set one of its bits. */
type BitmapKey = 'use' | number;

/** Bitmaps in the VMM's memory. The VMCS points to them while a request wants them. A bit is set while a request asks for it. */
@extension()
export abstract class BitmapOwner extends CountedOwner<BitmapKey> {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  /** Of the pages; 0: not made yet. */
  @state() private address = 0n;
  @derived() private page: BitmapPage | undefined;

  /** The size of the bitmaps. */
  protected abstract readonly bytes: number;

  override attach(): void {
    super.attach();
    this.page = this.address === 0n ? undefined : new BitmapPage(this.manager, this.memory, this.address);
  }

  get isEnabled(): boolean {
    return this.count('use') > 0;
  }

  enable(by: Requester): Request {
    return this.ask(by, 'use');
  }

  apply(): void {
    if (this.isEnabled) this.turn('use', true);
  }

  [Symbol.dispose](): void {
    if (this.address !== 0n) this.manager.free(this.address);
    this.address = 0n;
    this.page = undefined;
  }

  /** Makes the VMCS point to the pages and use them. */
  protected abstract use(page: BitmapPage): void;

  /** Makes the VMCS use no bitmap. */
  protected abstract useNone(): void;

  protected turn(key: BitmapKey, isOn: boolean): void {
    if (key !== 'use') this.page?.set(key, isOn);
    else this.vmcs.asOwner(this.owner, () => (isOn ? this.use(this.made()) : this.useNone()));
  }

  private made(): BitmapPage {
    if (this.page !== undefined) return this.page;
    this.address = this.manager.alloc(this.bytes, 'structure');
    const page = new BitmapPage(this.manager, this.memory, this.address);
    for (const key of this.keys()) if (key !== 'use') page.set(key, true);
    return (this.page = page);
  }
}
