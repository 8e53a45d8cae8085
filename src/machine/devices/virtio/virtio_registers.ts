// SPDX-License-Identifier: LGPL-2.1-only
// Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus" and "Split Virtqueues".

/** PCI vendor of virtio devices. A device of type n has the device identifier 1040h + n. */
export const VIRTIO_VENDOR = 0x1af4;
export const VIRTIO_DEVICE_BASE = 0x1040;

/** The identifier of vendor-specific capabilities. */
export const VENDOR_CAPABILITY = 0x09;

/** What a vendor capability leads to: `cfg_type`. */
export const VirtioCapability = { Common: 1, Notify: 2, Isr: 3, Device: 4, PciAccess: 5 } as const;

/** Bits of `device_status`. */
export const DeviceStatus = { FeaturesOk: 8, DriverOk: 4, NeedsReset: 64 } as const;

/** Bits of the ISR status. */
export const IsrStatus = { Queue: 1, Configuration: 2 } as const;

/** The vector number that means none. */
export const NO_VECTOR = 0xffff;

/** `VIRTIO_F_VERSION_1`, in the upper word of the features. */
export const FEATURE_VERSION_1 = 0x1;

/** Flags of a descriptor. */
export const DescriptorFlag = { Next: 1, Write: 2, Indirect: 4 } as const;

/** `VIRTQ_AVAIL_F_NO_INTERRUPT` */
export const AVAILABLE_NO_INTERRUPT = 1;

/** Offsets of the common configuration structure. */
export const CommonRegister = {
  DeviceFeatureSelect: 0x00,
  DeviceFeature: 0x04,
  DriverFeatureSelect: 0x08,
  DriverFeature: 0x0c,
  ConfigurationVector: 0x10,
  Queues: 0x12,
  DeviceStatus: 0x14,
  ConfigurationGeneration: 0x15,
  QueueSelect: 0x16,
  QueueSize: 0x18,
  QueueVector: 0x1a,
  QueueEnable: 0x1c,
  QueueNotifyOffset: 0x1e,
  QueueDescriptors: 0x20,
  QueueDriver: 0x28,
  QueueDevice: 0x30,
} as const;
