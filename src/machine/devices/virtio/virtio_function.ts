// SPDX-License-Identifier: LGPL-2.1-only
import { copyState } from '../../state/copy_state.js';
import { equalState } from '../../state/equal_state.js';
import type { DeviceRam } from '../../memory/guest_ram.js';
import type { AccessSize } from '../device.js';
import type { EventQueue } from '../event_queue.js';
import type { IoBus, MmioHandler } from '../io_bus.js';
import { Msi, MSI_CAPABILITY } from '../pci/msi.js';
import { Msix, MSIX_BYTES, MSIX_CAPABILITY, PENDING_BITS } from '../pci/msix.js';
import { PciFunction, type PciFunctionState } from '../pci/pci_function.js';
import type { Timer } from '../timer.js';
import { CommonRegisters, type VirtioRegister } from './common_registers.js';
import { DriverFault } from './driver_fault.js';
import { PciAccess } from './pci_access.js';
import type { VirtioDevice } from './virtio_device.js';
import {
  DeviceStatus,
  FEATURE_VERSION_1,
  IsrStatus,
  NO_VECTOR,
  VENDOR_CAPABILITY,
  VIRTIO_DEVICE_BASE,
  VIRTIO_VENDOR,
  VirtioCapability,
} from './virtio_registers.js';
import { Virtqueue, type QueueArea } from './virtqueue.js';

/** What a virtio device needs from the machine. */
export interface VirtioPlatform {
  readonly bus: IoBus;
  readonly events: EventQueue;
  readonly ram: DeviceRam;
  /** Writes a message-signalled interrupt. */
  readonly sendMessage: (address: number, data: number) => void;
}

/** Memory ranges by base address register: the structures, and the table of MSI-X. */
const STRUCTURES_BAR = 0;
const MSIX_BAR = 1;
/** Each structure has a page of the first range, in the order of `VirtioCapability`. */
const STRUCTURE_BYTES = 0x1000;
const STRUCTURES_BYTES = 4 * STRUCTURE_BYTES;

interface VirtioState {
  featureSelect: number;
  driverFeatureSelect: number;
  driverFeatures: [number, number];
  vector: number;
  status: number;
  queueSelect: number;
  isr: number;
}

interface VirtioFunctionState extends PciFunctionState {
  readonly transport: VirtioState;
  readonly queues: readonly ReturnType<Virtqueue['save']>[];
  readonly msix: ReturnType<Msix['save']>;
  readonly device: object;
}

const initialState = (): VirtioState => ({
  featureSelect: 0,
  driverFeatureSelect: 0,
  driverFeatures: [0, 0],
  vector: NO_VECTOR,
  status: 0,
  queueSelect: 0,
  isr: 0,
});

const doubleWord = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];

/** A virtio device on the PCI bus, without the legacy interface. VIRTIO 1.2 "Virtio Over PCI Bus". */
export class VirtioFunction extends PciFunction {
  private readonly queues: readonly Virtqueue[];
  private readonly msix: Msix;
  private readonly msixAt: number;
  private readonly msi: Msi;
  private readonly events: EventQueue;
  private readonly timer: Timer;
  private readonly access: PciAccess;
  private readonly features: readonly [number, number];
  private transport = initialState();

  constructor(
    platform: VirtioPlatform,
    private readonly device: VirtioDevice,
  ) {
    const { name, type, classCode } = device;
    const ids = {
      vendor: VIRTIO_VENDOR,
      device: VIRTIO_DEVICE_BASE + type,
      subsystemVendor: VIRTIO_VENDOR,
      subsystem: type,
    };
    super(name, { ...ids, classCode, revision: 1, interruptPin: 1 });
    this.features = [device.features, FEATURE_VERSION_1];
    this.queues = device.queueSizes.map((size) => new Virtqueue(platform.ram, size));
    // A vector for each queue, and one for changes of the configuration.
    const send = (address: number, data: number): void => {
      if (this.isBusMaster) platform.sendMessage(address, data);
    };
    this.msix = new Msix(this.queues.length + 1, send);
    this.events = platform.events;
    this.timer = platform.events.timer(name, () => this.serve());
    const structures = this.structures();
    this.addBar(platform.bus, { index: STRUCTURES_BAR, bytes: STRUCTURES_BYTES, handler: structures });
    this.addBar(platform.bus, { index: MSIX_BAR, bytes: MSIX_BYTES, handler: this.msix });
    this.msixAt = this.addMsixCapability();
    this.msi = new Msi(this.config, this.addCapability(MSI_CAPABILITY, Msi.body, Msi.writable), send);
    for (const structure of [
      VirtioCapability.Common,
      VirtioCapability.Notify,
      VirtioCapability.Isr,
      VirtioCapability.Device,
    ])
      this.addStructureCapability(structure);
    const accessAt = this.addCapability(VENDOR_CAPABILITY, PciAccess.body, PciAccess.writable);
    this.access = new PciAccess(this.config, accessAt, structures, STRUCTURES_BAR, STRUCTURES_BYTES);
  }

  private addMsixCapability(): number {
    const control = this.msix.vectors - 1;
    const body = [control, 0, ...doubleWord(MSIX_BAR), ...doubleWord(PENDING_BITS | MSIX_BAR)];
    return this.addCapability(MSIX_CAPABILITY, body, [0, 0xc0]);
  }

  private addStructureCapability(type: number): void {
    // All queues are notified at one place: the multiplier is 0.
    const multiplier = type === VirtioCapability.Notify ? doubleWord(0) : [];
    const place = [...doubleWord((type - 1) * STRUCTURE_BYTES), ...doubleWord(STRUCTURE_BYTES)];
    this.addCapability(VENDOR_CAPABILITY, [
      16 + multiplier.length,
      type,
      STRUCTURES_BAR,
      0,
      0,
      0,
      ...place,
      ...multiplier,
    ]);
  }

  /** The memory range in which each structure has a page. */
  private structures(): MmioHandler {
    const handlers: readonly MmioHandler[] = [
      this.commonRegisters(),
      { readMmio: () => 0, writeMmio: (_offset, _size, value) => this.notified(value & 0xffff) },
      { readMmio: (offset) => (offset === 0 ? this.takeIsr() : 0), writeMmio: () => {} },
      { readMmio: (offset, size) => this.readDeviceConfiguration(offset, size), writeMmio: () => {} },
    ];
    const split = (offset: number): [MmioHandler, number] => [
      handlers[Math.floor(offset / STRUCTURE_BYTES)]!,
      offset % STRUCTURE_BYTES,
    ];
    return {
      readMmio: (offset, size) => {
        const [handler, inside] = split(offset);
        return handler.readMmio(inside, size);
      },
      writeMmio: (offset, size, value) => {
        const [handler, inside] = split(offset);
        handler.writeMmio(inside, size, value);
      },
    };
  }

  private commonRegisters(): CommonRegisters {
    const queue = (): Virtqueue | undefined => this.queues[this.transport.queueSelect];
    const address = (area: QueueArea): readonly [VirtioRegister, VirtioRegister] => [half(area, 0), half(area, 1)];
    const half = (area: QueueArea, at: 0 | 1): VirtioRegister => ({
      size: 4,
      read: () => queue()?.address(area, at) ?? 0,
      write: (value) => queue()?.setAddress(area, at, value),
    });
    const word = (read: () => number, write?: (value: number) => void): VirtioRegister => ({
      size: 2,
      read,
      ...(write && { write }),
    });
    const double = (read: () => number, write?: (value: number) => void): VirtioRegister => ({
      size: 4,
      read,
      ...(write && { write }),
    });
    return new CommonRegisters({
      DeviceFeatureSelect: double(
        () => this.transport.featureSelect,
        (value) => void (this.transport.featureSelect = value),
      ),
      DeviceFeature: double(() => this.features[this.transport.featureSelect] ?? 0),
      DriverFeatureSelect: double(
        () => this.transport.driverFeatureSelect,
        (value) => void (this.transport.driverFeatureSelect = value),
      ),
      DriverFeature: double(
        () => this.transport.driverFeatures[this.transport.driverFeatureSelect] ?? 0,
        (value) => this.setDriverFeatures(value),
      ),
      ConfigurationVector: word(
        () => this.transport.vector,
        (value) => void (this.transport.vector = this.vectorOrNone(value)),
      ),
      Queues: word(() => this.queues.length),
      DeviceStatus: { size: 1, read: () => this.transport.status, write: (value) => this.setStatus(value) },
      ConfigurationGeneration: { size: 1, read: () => 0 },
      QueueSelect: word(
        () => this.transport.queueSelect,
        (value) => void (this.transport.queueSelect = value),
      ),
      QueueSize: word(
        () => queue()?.size ?? 0,
        (value) => this.forQueue((each) => void (each.size = value)),
      ),
      QueueVector: word(
        () => queue()?.vector ?? NO_VECTOR,
        (value) => this.forQueue((each) => void (each.vector = this.vectorOrNone(value))),
      ),
      QueueEnable: word(
        () => Number(queue()?.enabled ?? false),
        (value) => this.forQueue((each) => value === 1 && each.enable()),
      ),
      QueueNotifyOffset: word(() => 0),
      QueueDescriptors: address('descriptors'),
      QueueDriver: address('driver'),
      QueueDevice: address('device'),
    });
  }

  private forQueue(change: (queue: Virtqueue) => void): void {
    const queue = this.queues[this.transport.queueSelect];
    if (queue !== undefined) change(queue);
  }

  private vectorOrNone(vector: number): number {
    return vector < this.msix.vectors ? vector : NO_VECTOR;
  }

  private setDriverFeatures(value: number): void {
    const { driverFeatureSelect: select, driverFeatures, status } = this.transport;
    if (select < driverFeatures.length && !(status & DeviceStatus.FeaturesOk)) driverFeatures[select] = value;
  }

  /** Writing 0 resets the device. FEATURES_OK stays 0 if the driver takes features that were not offered, or the legacy interface. */
  private setStatus(value: number): void {
    if (value === 0) {
      this.resetDevice();
      return;
    }
    const { transport, features } = this;
    const isAccepted =
      transport.driverFeatures.every((word, i) => (word & ~features[i]!) === 0) &&
      transport.driverFeatures[1] === FEATURE_VERSION_1;
    const refused = isAccepted ? 0 : DeviceStatus.FeaturesOk;
    transport.status = (value & ~refused & ~DeviceStatus.NeedsReset) | (transport.status & DeviceStatus.NeedsReset);
  }

  private readDeviceConfiguration(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= (this.device.configuration[offset + i] ?? 0) << (8 * i);
    return value >>> 0;
  }

  /** Reading the ISR status clears it, and takes the interrupt back. */
  private takeIsr(): number {
    const { isr } = this.transport;
    this.transport.isr = 0;
    this.setInterrupt(false);
    return isr;
  }

  private get isRunning(): boolean {
    const { status } = this.transport;
    return (status & (DeviceStatus.DriverOk | DeviceStatus.NeedsReset)) === DeviceStatus.DriverOk && this.isBusMaster;
  }

  /** The driver says that requests wait. They complete after the device's latency; memory is untouched until then. */
  private notified(index: number): void {
    if (!this.isRunning || this.queues[index]?.enabled !== true || this.timer.deadline !== Infinity) return;
    this.timer.arm(this.events.now() + this.device.latency);
  }

  /** Carries out all requests that wait. */
  private serve(): void {
    if (!this.isRunning) return;
    try {
      // A request of one queue may have made the device ready for those of another one. It looks again later, not at once: a request can write into
      // the queues themselves, so a loop here might never end.
      if (this.serveQueues() > 0) this.timer.arm(this.events.now() + this.device.latency);
    } catch (error) {
      if (!(error instanceof DriverFault)) throw error;
      this.transport.status |= DeviceStatus.NeedsReset;
      this.interrupt(IsrStatus.Configuration, this.transport.vector);
    }
  }

  private serveQueues(): number {
    return this.queues.reduce(
      (served, queue, index) => served + (queue.enabled ? this.serveQueue(queue, index) : 0),
      0,
    );
  }

  /** @returns how many requests it carried out */
  private serveQueue(queue: Virtqueue, index: number): number {
    let served = 0;
    // A driver that adds requests as fast as they are carried out must not hold up the machine.
    for (; served < queue.size; served++) {
      const chain = this.device.isReady?.(index) === false ? undefined : queue.take();
      if (chain === undefined) break;
      this.device.handle(chain, index);
      queue.complete(chain.head, chain.writable.written);
    }
    if (served > 0 && queue.wantsInterrupt) this.interrupt(IsrStatus.Queue, queue.vector);
    return served;
  }

  private interrupt(cause: number, vector: number): void {
    if (this.msix.enabled) {
      this.msix.signal(vector);
      return;
    }
    // As for the wire, the driver reads the cause in the ISR status.
    this.transport.isr |= cause;
    if (this.msi.enabled) this.msi.signal();
    else this.setInterrupt(true);
  }

  private resetDevice(): void {
    this.transport = initialState();
    for (const queue of this.queues) queue.reset();
    this.timer.cancel();
    this.setInterrupt(false);
  }

  override readConfig(offset: number, size: AccessSize): number {
    this.access.beforeRead(offset);
    return super.readConfig(offset, size);
  }

  override writeConfig(offset: number, size: AccessSize, value: number): void {
    super.writeConfig(offset, size, value);
    this.msix.setControl(this.msixControl);
    this.msi.sendPending();
    this.access.afterWrite(offset);
  }

  private get msixControl(): number {
    return this.config.read(this.msixAt + 2, 2);
  }

  override reset(): void {
    super.reset();
    this.msix.reset();
    this.resetDevice();
  }

  override save(): VirtioFunctionState {
    return {
      ...super.save(),
      transport: copyState(this.transport),
      queues: this.queues.map((queue) => queue.save()),
      msix: this.msix.save(),
      device: this.device.save(),
    };
  }

  override restore(state: PciFunctionState): void {
    super.restore(state);
    const { transport, queues, msix, device } = state as VirtioFunctionState;
    if (!equalState(this.transport, transport)) this.transport = copyState(transport);
    queues.forEach((queue, i) => this.queues[i]!.restore(queue));
    this.msix.restore(msix, this.msixControl);
    this.device.restore(device);
  }
}
