// SPDX-License-Identifier: LGPL-2.1-only
import type { DiskImage } from '../devices/virtio/disk_image.js';
import type { PageConsumer } from '../memory/page_list.js';
import type { WasmCore } from '../processor/wasm_core.js';
import type { MemoryHash } from '../state_hash.js';
import { dataBytes } from './data_bytes.js';
import { refuseDisksOutside } from './machine_mark.js';
import type { MachineSnapshot } from './machine_snapshot.js';
import type { MachineState } from './machine_state.js';
import { MachineStateError } from './machine_state_error.js';
import { PageHistory } from './page_history.js';
import { PAGE_BYTES } from '../memory/page_contents.js';

/** What checkpoints need of the machine besides its snapshots. */
export interface CheckpointParts {
  readonly core: WasmCore;
  readonly snapshot: MachineSnapshot;
  readonly disks: readonly DiskImage[];
  readonly hash: MemoryHash;
  /** The pages written since the last look. */
  readonly written: PageConsumer;
  /** Others hear of a page that was changed here. */
  readonly changed: (page: number) => void;
}

/** A moment of a run to which its machine can go, as often as wanted. */
export interface MachineCheckpoint {
  /** Later checkpoints have larger ones. */
  readonly number: number;
  /** All but memory. */
  readonly state: Omit<MachineState, 'pages'>;
  /** Bytes that the state takes, about. Pages are counted together, by `MachineCheckpoints.bytes`. */
  readonly bytes: number;
}

/** Many moments of one run, in this process. Of each, only the pages are kept that differ from the one before. */
export class MachineCheckpoints {
  private readonly all: MachineCheckpoint[] = [];
  private readonly history = new PageHistory();
  /** Since when the written pages are counted; undefined: since power-on. */
  private base: MachineCheckpoint | undefined;
  private taken = 0;
  /** Guest RAM and carve-out. */
  private readonly memory: Uint8Array;

  constructor(private readonly parts: CheckpointParts) {
    const { buffer, byteOffset, byteLength } = parts.core.physicalWords;
    this.memory = new Uint8Array(buffer, byteOffset, byteLength);
  }

  /** Memory that the checkpoints take. */
  get bytes(): number {
    return this.all.reduce((sum, { bytes }) => sum + bytes, this.history.bytes);
  }

  /** Makes the checkpoints take less memory. The way to a packed one takes longer: a page is unpacked in 10 µs. */
  pack(): void {
    this.history.pack();
  }

  /** Takes the present moment, which must be later in the run than all others. @throws MachineStateError if something cannot be saved now */
  take(): MachineCheckpoint {
    const { snapshot, written, core, hash, disks } = this.parts;
    refuseDisksOutside(disks);
    const state = snapshot.saveAround();
    const pages = this.base === undefined ? hash.pagesWritten() : written.take();
    if (this.base === undefined) written.take();
    // Each page that is written from here on must come into the list.
    core.dirtyCleared();
    const checkpoint = { number: this.taken++, state, bytes: dataBytes(state) };
    for (const page of pages) this.history.keep(checkpoint.number, page, this.page(page));
    this.all.push(checkpoint);
    this.base = checkpoint;
    return checkpoint;
  }

  /** Brings the machine to a checkpoint, earlier or later. @throws MachineStateError for one of another machine, or one that was dropped */
  goTo(checkpoint: MachineCheckpoint): void {
    const { snapshot, written } = this.parts;
    this.placeOf(checkpoint);
    const changed = new Set([...written.take(), ...this.history.changedBetween(this.base!.number, checkpoint.number)]);
    for (const page of changed) this.setPage(page, this.history.at(checkpoint.number, page));
    const { state } = checkpoint;
    snapshot.restoreAround(state, ({ processor }) => processor.restore(state.processors[processor.id]!));
    this.base = checkpoint;
  }

  /** Forgets a checkpoint. The machine stays where it is. @throws MachineStateError for one of another machine */
  drop(checkpoint: MachineCheckpoint): void {
    const place = this.placeOf(checkpoint);
    const next = this.all[place + 1];
    if (checkpoint === this.base) this.moveBase(this.all[place - 1] ?? next);
    this.history.drop(checkpoint.number, next?.number);
    this.all.splice(place, 1);
  }

  /** Pages that two checkpoints do not have in common count as written, from then on. */
  private moveBase(to: MachineCheckpoint | undefined): void {
    if (to === undefined) throw new MachineStateError('the only checkpoint of a machine cannot be dropped');
    for (const page of this.history.changedBetween(this.base!.number, to.number)) this.parts.written.note(page);
    this.base = to;
  }

  private placeOf(checkpoint: MachineCheckpoint): number {
    const place = this.all.indexOf(checkpoint);
    if (place !== -1) return place;
    throw new MachineStateError('this checkpoint belongs to another machine, or it was dropped');
  }

  private page(page: number): Uint8Array {
    return this.memory.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }

  /** @param bytes undefined: zeros */
  private setPage(page: number, bytes: Uint8Array | undefined): void {
    const { core, changed } = this.parts;
    if (bytes === undefined) this.page(page).fill(0);
    else this.page(page).set(bytes);
    core.codeWritten(page * PAGE_BYTES, PAGE_BYTES);
    changed(page);
  }
}
