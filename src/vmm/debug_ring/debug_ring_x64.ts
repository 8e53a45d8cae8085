// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, optional } from 'inversify';
import { defaultSizes, Sizes } from '../sizes.js';
import { derived, state, type Attachable } from '../state/state.js';
import type { DebugRing } from './debug_ring.js';
import { emptyRing, RingBuffer } from './ring_buffer.js';

/** A ring of 32 KiB, unless `Sizes` says otherwise. */
@injectable()
export class DebugRingX64 implements DebugRing, Attachable {
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  // Made when it is first used: the size is injected after the constructor.
  @state() private made: Uint8Array<ArrayBuffer> | undefined;
  @derived() private buffer: RingBuffer | undefined;

  attach(): void {
    this.buffer = undefined;
  }

  get memory(): Uint8Array<ArrayBuffer> {
    return (this.made ??= emptyRing(this.sizes.debugRing));
  }

  write(text: string): void {
    this.ring().write(text);
  }

  read(): string {
    return this.ring().read();
  }

  private ring(): RingBuffer {
    return (this.buffer ??= new RingBuffer(this.memory));
  }
}
