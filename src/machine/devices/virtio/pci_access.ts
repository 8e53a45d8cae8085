// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../device.js';
import type { MmioHandler } from '../io_bus.js';
import type { ConfigSpace } from '../pci/config_space.js';
import { VirtioCapability } from './virtio_registers.js';

/** Offsets in the capability. */
const BAR = 4;
const OFFSET = 8;
const LENGTH = 12;
const DATA = 16;
const BYTES = 20;

/**
 * The capability by which software reaches the structures through configuration space alone, as firmware without memory-mapped I/O does.
 * VIRTIO 1.2 "PCI configuration access capability".
 */
export class PciAccess {
  /** What follows the capability's identifier and pointer. */
  static readonly body: readonly number[] = [BYTES, VirtioCapability.PciAccess, ...new Array<number>(16).fill(0)];
  /** Software writes BAR, offset, length and data. */
  static readonly writable: readonly number[] = [0, 0, 0xff, 0, 0, 0, ...new Array<number>(12).fill(0xff)];

  /** @param at where the capability begins */
  constructor(
    private readonly config: ConfigSpace,
    private readonly at: number,
    private readonly structures: MmioHandler,
    private readonly bar: number,
    private readonly barBytes: number,
  ) {}

  /** Software reads configuration space: the data field takes what the structure says. */
  beforeRead(offset: number): void {
    const access = this.accessAt(offset);
    if (access === undefined) return;
    this.config.set(
      { offset: this.at + DATA, size: access.size },
      this.structures.readMmio(access.offset, access.size),
    );
  }

  /** Software wrote configuration space: the structure gets what is in the data field. */
  afterWrite(offset: number): void {
    const access = this.accessAt(offset);
    if (access === undefined) return;
    this.structures.writeMmio(access.offset, access.size, this.config.read(this.at + DATA, access.size));
  }

  /** The access that the capability describes, if `offset` is its data field and the description is valid. */
  private accessAt(at: number): { offset: number; size: AccessSize } | undefined {
    if (at !== this.at + DATA) return undefined;
    const offset = this.config.read(this.at + OFFSET, 4);
    const length = this.config.read(this.at + LENGTH, 4);
    const isValid =
      this.config.read(this.at + BAR, 1) === this.bar &&
      (length === 1 || length === 2 || length === 4) &&
      offset % length === 0 &&
      offset + length <= this.barBytes;
    return isValid ? { offset, size: length as AccessSize } : undefined;
  }
}
