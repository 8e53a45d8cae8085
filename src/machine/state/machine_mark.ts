// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import { Sizes } from '../layout/regions.js';
import type { ProcessorAndDriver } from '../intrinsics/execution.js';
import type { PageConsumer } from '../memory/page_list.js';
import type { DiskImage } from '../devices/virtio/disk_image.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import type { WasmCore } from '../processor/wasm_core.js';
import type { MachineSnapshot } from './machine_snapshot.js';
import { MachinePoint, type RawProcessor } from './machine_point.js';
import { MachineStateError } from './machine_state_error.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import { copyTlbSet, putTlbSet } from './tlb_snapshot.js';

/** What a mark needs of the machine besides its snapshots. */
export interface MarkParts {
  readonly core: WasmCore;
  readonly snapshot: MachineSnapshot;
  readonly disks: readonly DiskImage[];
  /** The pages written since the last mark or reset. */
  readonly written: PageConsumer;
  /** Others hear of a page that a reset changes back. */
  readonly changed: (page: number) => void;
}

type Region = 'block' | 'vmx' | 'msrs';

const regionsOf = ({ id, engine }: LogicalProcessor): Record<Region, readonly [from: number, bytes: number]> => ({
  block: [Layout.PROCESSOR, Sizes.PROCESSOR],
  vmx: [Layout.VMX_AREAS + id * Sizes.VMX_AREA, engine.areaBytes],
  msrs: [Layout.MSR_TABLE + id * Sizes.MSR_TABLE, Sizes.MSR_TABLE],
});

/** A machine goes back only with all that it wrote. @throws MachineStateError */
export function refuseDisksOutside(disks: readonly DiskImage[]): void {
  if (disks.every(({ isKeptOutside }) => isKeptOutside !== true)) return;
  throw new MachineStateError(
    'a machine with a disk that is kept outside it cannot go back: what was written stays; open the disk without "write"',
  );
}

/** Marks points of a run, and resets the machine to the last of them by the pages that were written since. */
export class MachineMark {
  private last: MachinePoint | undefined;

  constructor(private readonly parts: MarkParts) {}

  /** @throws MachineStateError if the machine cannot be saved now */
  mark(): MachinePoint {
    const { core, snapshot, written, disks } = this.parts;
    refuseDisksOutside(disks);
    const state = snapshot.save();
    // All write tags are held back from here on, so that each page that is written comes into the list.
    written.take();
    core.dirtyCleared();
    const processors = snapshot.eachLoaded(({ processor }) => this.raw(processor));
    this.last = new MachinePoint(this, state, processors);
    return this.last;
  }

  private raw(processor: LogicalProcessor): RawProcessor {
    const { u8 } = this.parts.core;
    const { id } = processor;
    const { block, vmx, msrs } = regionsOf(processor);
    const copy = ([from, bytes]: readonly [number, number]): Uint8Array => u8.slice(from, from + bytes);
    const tlbs = [copyTlbSet(u8, id, 0, this.logged(0)), copyTlbSet(u8, id, 1, this.logged(1))] as const;
    return { block: copy(block), tlbs, vmx: copy(vmx), msrs: copy(msrs) };
  }

  /** How many entries the loaded processor has logged in a set of its TLBs. */
  private logged(set: 0 | 1): number {
    return this.parts.core.u32[(set === 0 ? Layout.TLB_LOG_COUNT0 : Layout.TLB_LOG_COUNT1) / 4]!;
  }

  /** @throws MachineStateError for a point of another machine */
  reset(point: MachinePoint): void {
    const { snapshot, written } = this.parts;
    if (point.owner !== this)
      throw new MachineStateError('this point belongs to another machine: reset that one, or use save and restore');
    if (point !== this.last) {
      snapshot.restore(point.state);
      written.take();
      this.last = point;
    }
    this.resetPages(point);
    snapshot.restoreAround(point.state, (each) => this.resetProcessor(point, each));
  }

  private resetPages(point: MachinePoint): void {
    const { core, written, changed } = this.parts;
    const { u8, u32 } = core;
    // Each processor gets TLBs whose write tags are all held back.
    for (const page of written.takeUnwatched()) {
      const at = Layout.RAM + page * PAGE_BYTES;
      const bytes = point.pages.get(page);
      if (bytes === undefined) u8.fill(0, at, at + PAGE_BYTES);
      else u8.set(bytes, at);
      if (u32[Layout.PAGE_MAP / 4 + page] !== 0) core.codeWritten(page * PAGE_BYTES, PAGE_BYTES);
      changed(page);
    }
  }

  private resetProcessor(point: MachinePoint, { processor }: ProcessorAndDriver): void {
    const { u8 } = this.parts.core;
    const raw = point.processors[processor.id]!;
    raw.tlbs.forEach((set, number) => putTlbSet(u8, set, this.logged(number as 0 | 1)));
    const regions = regionsOf(processor);
    for (const name of Object.keys(regions) as Region[]) u8.set(raw[name], regions[name][0]);
    processor.core.processorRestored();
    processor.memoryRestored(point.state.processors[processor.id]!);
  }
}
