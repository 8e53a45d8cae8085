// SPDX-License-Identifier: LGPL-2.1-only
import type { DescriptorChain } from './descriptor_chain.js';
import type { VirtioDevice } from './virtio_device.js';

/** A request gets at most as many bytes; a driver asks again for more. */
const MOST_BYTES = 0x1000;

interface VirtioRngState {
  seed: number;
}

/** The entropy device. Its numbers follow from a seed, so a run is the same each time; they keep no secret. VIRTIO 1.2 "Entropy Device". */
export class VirtioRng implements VirtioDevice {
  readonly name = 'virtio_rng';
  readonly type = 4;
  readonly classCode = 0xff0000;
  readonly features = 0;
  readonly queueSizes = [64];
  readonly latency = 20_000;
  readonly configuration = new Uint8Array(0);
  private state: VirtioRngState;

  constructor(seed: number) {
    this.state = { seed };
  }

  handle({ writable }: DescriptorChain): void {
    writable.write(Uint8Array.from({ length: Math.min(writable.left, MOST_BYTES) }, () => this.next() >>> 24));
  }

  /** The generator "mulberry32": a counter, mixed. */
  private next(): number {
    this.state.seed = (this.state.seed + 0x6d2b79f5) | 0;
    const first = Math.imul(this.state.seed ^ (this.state.seed >>> 15), this.state.seed | 1);
    const second = first ^ (first + Math.imul(first ^ (first >>> 7), first | 61));
    return (second ^ (second >>> 14)) >>> 0;
  }

  save(): VirtioRngState {
    return { ...this.state };
  }

  restore(state: object): void {
    this.state = { ...(state as VirtioRngState) };
  }
}
