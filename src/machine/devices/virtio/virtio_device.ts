// SPDX-License-Identifier: LGPL-2.1-only
import type { DescriptorChain } from './descriptor_chain.js';

/** What makes a virtio device the device that it is. The transport does the rest. */
export interface VirtioDevice {
  /** Unique in a machine. */
  readonly name: string;
  /** The specification's device type. */
  readonly type: number;
  /** PCI class, subclass and programming interface. */
  readonly classCode: number;
  /** Feature bits 31:0; those of the transport are in bits 63:32. */
  readonly features: number;
  /** The largest size of each queue. */
  readonly queueSizes: readonly number[];
  /** The device-specific configuration, which the driver cannot write. */
  readonly configuration: Uint8Array;
  /** Nanoseconds of virtual time from a notification to the completion of what waits then. */
  readonly latency: number;
  /** Whether the device takes requests of a queue now. A queue keeps those that wait for something, such as input. The default is always. */
  isReady?(queue: number): boolean;
  /** Carries out a request of a queue. @throws DriverFault if the request has no place for an answer, or asks for too much */
  handle(chain: DescriptorChain, queue: number): void;
  save(): object;
  restore(state: object): void;
}
