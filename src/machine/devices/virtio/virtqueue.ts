// SPDX-License-Identifier: LGPL-2.1-only
import { copyState } from '../../state/copy_state.js';
import { equalState } from '../../state/equal_state.js';
import type { DeviceRam } from '../../memory/guest_ram.js';
import type { DescriptorChain } from './descriptor_chain.js';
import { DriverFault } from './driver_fault.js';
import { SegmentStream, type Segment } from './segment_stream.js';
import { AVAILABLE_NO_INTERRUPT, DescriptorFlag, NO_VECTOR } from './virtio_registers.js';

const DESCRIPTOR_BYTES = 16;
/** Bytes before the ring: flags and index. */
const RING = 4;
const USED_ELEMENT_BYTES = 8;
/** The specification's limit on a chain. */
const LONGEST_CHAIN = 2 ** 32;

/** The state of a queue as plain data. Addresses are guest-physical. */
interface VirtqueueState {
  size: number;
  vector: number;
  enabled: boolean;
  /** Low and high words. */
  descriptors: [number, number];
  driver: [number, number];
  device: [number, number];
  /** The index in the available ring up to which the device has taken requests. */
  taken: number;
  /** The index in the used ring that the device writes next. */
  used: number;
}

/** The three areas of a queue. */
export type QueueArea = 'descriptors' | 'driver' | 'device';

const addressOf = ([low, high]: readonly [number, number]): number => high * 2 ** 32 + low;

/**
 * A split virtqueue, seen by the device. All of it lies in memory that a hostile guest can change at any time: each value is read once, and
 * checked before it is used. VIRTIO 1.2 "Split Virtqueues".
 */
export class Virtqueue {
  private state: VirtqueueState;

  constructor(
    private readonly ram: DeviceRam,
    readonly maximum: number,
  ) {
    this.state = this.initialState();
  }

  private initialState(): VirtqueueState {
    const areas = { descriptors: [0, 0], driver: [0, 0], device: [0, 0] } satisfies Record<QueueArea, number[]>;
    return {
      size: this.maximum,
      vector: NO_VECTOR,
      enabled: false,
      ...copyState(areas),
      taken: 0,
      used: 0,
    } as VirtqueueState;
  }

  get size(): number {
    return this.state.size;
  }

  /** Powers of two up to the maximum are sizes; the driver cannot set others. */
  set size(size: number) {
    if (!this.enabled && size > 0 && size <= this.maximum && (size & (size - 1)) === 0) this.state.size = size;
  }

  /** The MSI-X vector of its interrupts. */
  get vector(): number {
    return this.state.vector;
  }

  set vector(vector: number) {
    this.state.vector = vector;
  }

  get enabled(): boolean {
    return this.state.enabled;
  }

  enable(): void {
    this.state.enabled = true;
  }

  /** Half of an area's address. @param half 0 for bits 31:0, 1 for bits 63:32 */
  address(area: QueueArea, half: 0 | 1): number {
    return this.state[area][half];
  }

  /** The driver may set addresses until it enables the queue. */
  setAddress(area: QueueArea, half: 0 | 1, value: number): void {
    if (!this.enabled) this.state[area][half] = value >>> 0;
  }

  /** The next request that waits, or undefined. @throws DriverFault */
  take(): DescriptorChain | undefined {
    const { state } = this;
    const driver = addressOf(state.driver);
    const waiting = (this.read16(driver + 2) - state.taken) & 0xffff;
    if (waiting === 0) return undefined;
    if (waiting > state.size) throw new DriverFault(`${waiting} requests wait in a queue of ${state.size}`);
    const head = this.read16(driver + RING + 2 * (state.taken % state.size));
    const chain = this.chain(head);
    state.taken = (state.taken + 1) & 0xffff;
    return chain;
  }

  /** Gives a request back. @param written bytes of the answer */
  complete(head: number, written: number): void {
    const { state } = this;
    const device = addressOf(state.device);
    const element = new Uint8Array(Uint32Array.of(head, written).buffer);
    this.write(device + RING + USED_ELEMENT_BYTES * (state.used % state.size), element);
    state.used = (state.used + 1) & 0xffff;
    this.write(device + 2, new Uint8Array(Uint16Array.of(state.used).buffer));
  }

  /** Whether the driver wants interrupts. @throws DriverFault */
  get wantsInterrupt(): boolean {
    return (this.read16(addressOf(this.state.driver)) & AVAILABLE_NO_INTERRUPT) === 0;
  }

  /** Follows a chain. Each descriptor is visited at most once, so a loop ends as a fault. */
  private chain(head: number): DescriptorChain {
    const readable: Segment[] = [];
    const writable: Segment[] = [];
    let total = 0;
    let index = head;
    for (let visited = 0; ; visited++) {
      if (index >= this.state.size) throw new DriverFault(`descriptor ${index} in a queue of ${this.state.size}`);
      if (visited === this.state.size) throw new DriverFault(`the chain from descriptor ${head} has a loop`);
      const { segment, flags, next } = this.descriptor(index);
      total += segment.bytes;
      if (total > LONGEST_CHAIN) throw new DriverFault(`the chain from descriptor ${head} has more than 4 GiB`);
      if (flags & DescriptorFlag.Write) writable.push(segment);
      else if (writable.length === 0) readable.push(segment);
      else throw new DriverFault(`descriptor ${index} is for the device to read, behind one for it to write`);
      if (!(flags & DescriptorFlag.Next)) break;
      index = next;
    }
    const { ram } = this;
    return { head, readable: new SegmentStream(ram, readable), writable: new SegmentStream(ram, writable) };
  }

  private descriptor(index: number): { segment: Segment; flags: number; next: number } {
    const data = this.read(addressOf(this.state.descriptors) + DESCRIPTOR_BYTES * index, DESCRIPTOR_BYTES);
    const address = data.getUint32(0, true) + data.getUint32(4, true) * 2 ** 32;
    const bytes = data.getUint32(8, true);
    const flags = data.getUint16(12, true);
    // The device does not offer VIRTIO_F_INDIRECT_DESC.
    if (flags & DescriptorFlag.Indirect)
      throw new DriverFault(`descriptor ${index} is indirect, which was not offered`);
    if (bytes === 0) throw new DriverFault(`descriptor ${index} is empty`);
    this.check(address, bytes);
    return { segment: { address, bytes }, flags, next: data.getUint16(14, true) };
  }

  private read(address: number, bytes: number): DataView {
    this.check(address, bytes);
    const copy = this.ram.slice(address, address + bytes);
    return new DataView(copy.buffer, copy.byteOffset, bytes);
  }

  private read16(address: number): number {
    return this.read(address, 2).getUint16(0, true);
  }

  private write(address: number, bytes: Uint8Array): void {
    this.check(address, bytes.length);
    this.ram.set(bytes, address);
  }

  /** Devices reach guest RAM only: no device register, and no page of a VMM. */
  private check(address: number, bytes: number): void {
    if (address + bytes <= this.ram.length) return;
    throw new DriverFault(`${bytes} bytes at 0x${address.toString(16)} are not in guest RAM`);
  }

  reset(): void {
    this.state = this.initialState();
  }

  save(): VirtqueueState {
    return copyState(this.state);
  }

  restore(state: VirtqueueState): void {
    if (!equalState(this.state, state)) this.state = copyState(state);
  }
}
