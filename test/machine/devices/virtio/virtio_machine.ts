// SPDX-License-Identifier: LGPL-2.1-only
import { VirtioFunction } from '../../../../src/machine/devices/virtio/virtio_function.js';
import type { VirtioDevice } from '../../../../src/machine/devices/virtio/virtio_device.js';
import { CommonRegister, DescriptorFlag } from '../../../../src/machine/devices/virtio/virtio_registers.js';
import type { AccessSize } from '../../../../src/machine/devices/device.js';
import type { DeviceRam } from '../../../../src/machine/memory/guest_ram.js';
import { PciMachine } from '../pci/pci_machine.js';

export const STRUCTURES = 0xe0000000;
export const MSIX_TABLE = 0xe0004000;
const FEATURES_OK = 0xb;
const DRIVER_OK = 0xf;

/** Where the tests put the areas of queue 0, and data. */
export const Area = { Descriptors: 0x1000, Driver: 0x2000, Device: 0x3000, Data: 0x4000 } as const;

/** A descriptor as a test writes it. */
export interface TestDescriptor {
  readonly address: number;
  readonly bytes: number;
  readonly flags?: number;
  readonly next?: number;
}

/** A virtio device on a PCI bus with 1 MiB of RAM, and the acts of its driver. */
export class VirtioMachine extends PciMachine {
  readonly ram: Uint8Array;
  readonly view: DataView;
  readonly messages: string[] = [];
  readonly virtio: VirtioFunction;
  private added = 0;

  /** @param dma what the device reads and writes, with the bytes for the driver */
  constructor(
    readonly device: VirtioDevice,
    dma?: DeviceRam & { readonly bytes: Uint8Array },
  ) {
    super();
    this.ram = dma?.bytes ?? new Uint8Array(1 << 20);
    this.view = new DataView(this.ram.buffer);
    const { bus, events } = this.platform;
    const sendMessage = (address: number, data: number): void =>
      void this.messages.push(`${address.toString(16)}:${data.toString(16)}`);
    this.virtio = new VirtioFunction({ bus, events, ram: dma ?? this.ram, sendMessage }, device);
    this.pci.add(1, this.virtio);
    this.pci.configure();
    this.write(1, 4, 6, 2);
  }

  common(register: keyof typeof CommonRegister, size: AccessSize, high = 0): number {
    return this.platform.bus.readMemory(STRUCTURES + CommonRegister[register] + high, size);
  }

  setCommon(register: keyof typeof CommonRegister, size: AccessSize, value: number, high = 0): void {
    this.platform.bus.writeMemory(STRUCTURES + CommonRegister[register] + high, size, value);
  }

  get isr(): number {
    return this.platform.bus.readMemory(STRUCTURES + 0x2000, 1);
  }

  configuration(offset: number): number {
    return this.platform.bus.readMemory(STRUCTURES + 0x3000 + offset, 4);
  }

  get status(): number {
    return this.common('DeviceStatus', 1);
  }

  /** Negotiates features and enables a queue. */
  start(size = 8, areas: { descriptors: number; driver: number; device: number } = defaultAreas, queue = 0): void {
    this.setCommon('DriverFeatureSelect', 4, 1);
    this.setCommon('DriverFeature', 4, 1);
    this.setCommon('DeviceStatus', 1, FEATURES_OK);
    this.enable(queue, size, areas);
    this.setCommon('DeviceStatus', 1, DRIVER_OK);
  }

  enable(queue: number, size: number, areas: { descriptors: number; driver: number; device: number }): void {
    this.setCommon('QueueSelect', 2, queue);
    this.setCommon('QueueSize', 2, size);
    this.setCommon('QueueDescriptors', 4, areas.descriptors);
    this.setCommon('QueueDriver', 4, areas.driver);
    this.setCommon('QueueDevice', 4, areas.device);
    this.setCommon('QueueEnable', 2, 1);
  }

  /** What a driver does before it begins. */
  reset(): void {
    this.setCommon('DeviceStatus', 1, 0);
    this.added = 0;
  }

  descriptor(index: number, { address, bytes, flags = 0, next = 0 }: TestDescriptor): void {
    const at = Area.Descriptors + 16 * index;
    this.view.setBigUint64(at, BigInt(address), true);
    this.view.setUint32(at + 8, bytes, true);
    this.view.setUint16(at + 12, flags, true);
    this.view.setUint16(at + 14, next, true);
  }

  /** Writes descriptors 0, 1 … as one chain. */
  chain(...descriptors: readonly TestDescriptor[]): void {
    descriptors.forEach((each, i) => {
      const isLast = i === descriptors.length - 1;
      const flags = (each.flags ?? 0) | (isLast ? 0 : DescriptorFlag.Next);
      this.descriptor(i, { ...each, flags, next: i + 1 });
    });
  }

  /** Offers the chain that begins at `head`, and notifies the device. */
  offer(head: number, size = 8, queue = 0): void {
    this.view.setUint16(Area.Driver + 4 + 2 * (this.added % size), head, true);
    this.view.setUint16(Area.Driver + 2, ++this.added, true);
    this.notify(queue);
  }

  notify(queue = 0): void {
    this.platform.bus.writeMemory(STRUCTURES + 0x1000, 2, queue);
  }

  /** Lets the device's latency pass. */
  complete(): void {
    this.platform.advance(this.device.latency);
  }

  get usedIndex(): number {
    return this.view.getUint16(Area.Device + 2, true);
  }

  /** Head and length of an element of the used ring. */
  used(index: number): [number, number] {
    const at = Area.Device + 4 + 8 * index;
    return [this.view.getUint32(at, true), this.view.getUint32(at + 4, true)];
  }
}

const defaultAreas = { descriptors: Area.Descriptors, driver: Area.Driver, device: Area.Device };
