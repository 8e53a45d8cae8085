// SPDX-License-Identifier: LGPL-2.1-only
import type { DiskBlocks } from '../devices/virtio/disk_image.js';
import type { PcEnd } from '../pc_end.js';
import type { SchedulerState } from '../scheduler.js';
import type { ProcessorState } from './processor_snapshot.js';
import type { PageContents } from '../memory/page_contents.js';

/** What a guest has written to a disk. */
export interface DiskState {
  /** The size of the disk. */
  readonly bytes: number;
  readonly blocks: DiskBlocks;
}

/**
 * All that decides how a machine goes on, and what its reports say. A machine with the same model, memory, processors and devices that takes this
 * state runs as the saved one does, instruction for instruction. What the core and the VMX engine keep only for speed is not here.
 */
export interface MachineState {
  /** Name of the processor model. */
  readonly model: string;
  readonly memoryBytes: number;
  readonly processors: readonly ProcessorState[];
  /** The pages of guest RAM and carve-out that are not zero. */
  readonly pages: Iterable<PageContents>;
  /** `Chipset.save`: the devices and their timers. */
  readonly devices: Readonly<Record<string, object>>;
  readonly disks: readonly DiskState[];
  readonly scheduler: SchedulerState;
  /** What the core has written down for reports. */
  readonly records: readonly Uint8Array[];
  readonly end: PcEnd | undefined;
  readonly debugExit: number | null;
}
