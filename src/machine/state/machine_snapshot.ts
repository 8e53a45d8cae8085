// SPDX-License-Identifier: LGPL-2.1-only
import type { Chipset } from '../devices/chipset.js';
import type { DiskImage } from '../devices/virtio/disk_image.js';
import type { LaterPages } from '../memory/absent_pages.js';
import type { Execution, ProcessorAndDriver } from '../intrinsics/execution.js';
import type { PcEnd } from '../pc_end.js';
import type { WasmCore } from '../processor/wasm_core.js';
import type { Scheduler, SchedulerState } from '../scheduler.js';
import type { MemoryHash } from '../state_hash.js';
import type { DiskState, MachineState } from './machine_state.js';
import { MachineStateError } from './machine_state_error.js';
import { isTimers, shapeMismatch } from './device_shape.js';
import { PageSnapshot } from './page_snapshot.js';
import { instructionsIn, type ProcessorState } from './processor_snapshot.js';
import { restoreReportRecords, saveReportRecords } from './report_records.js';

/** How the machine ended, if it has, and what the guest wrote to the debug-exit port. */
export interface EndState {
  end: PcEnd | undefined;
  debugExit: number | null;
}

/** The parts of a machine that have state. */
export interface MachineParts {
  readonly memoryBytes: number;
  readonly core: WasmCore;
  readonly execution: Execution;
  readonly chipset: Chipset;
  readonly disks: readonly DiskImage[];
  readonly scheduler: Scheduler;
  readonly memoryHash: MemoryHash;
  readonly ending: EndState;
}

/** Saves and restores a machine between two quanta. */
export class MachineSnapshot {
  private readonly pages: PageSnapshot;

  constructor(private readonly parts: MachineParts) {
    const { core, memoryHash } = parts;
    const { buffer, byteOffset, byteLength } = core.physicalWords;
    this.pages = new PageSnapshot(new Uint8Array(buffer, byteOffset, byteLength), core.dirtyPages, memoryHash);
  }

  /** @throws MachineStateError if something cannot be saved now. */
  save(): MachineState {
    return { ...this.saveAround(), pages: this.pages.save() };
  }

  /** All but memory. @throws MachineStateError if something cannot be saved now. */
  saveAround(): Omit<MachineState, 'pages'> {
    const { memoryBytes, core, chipset, disks, scheduler, ending } = this.parts;
    core.absentPages.provideAll();
    return {
      model: core.model.name,
      memoryBytes,
      processors: this.distinctCounts(this.parts.execution.eachLoaded((each) => saveProcessor(each))),
      devices: chipset.save(),
      disks: disks.map(saveDisk),
      scheduler: scheduler.save(),
      records: saveReportRecords(core.u8),
      end: ending.end,
      debugExit: ending.debugExit,
    };
  }

  /**
   * @param later pages that are not in the state
   * @throws MachineStateError if the state belongs to another machine; then nothing has changed.
   */
  restore(state: MachineState, later?: LaterPages): void {
    const { core } = this.parts;
    this.checkFacts(state);
    this.checkDevices(state);
    core.flushCode();
    this.pages.restore(state.pages);
    core.absentPages.expect(later);
    // What a TLB serves, the core does not ask for.
    for (const { tlbs } of state.processors)
      for (const { frames } of tlbs) for (const page of frames) core.absentPages.provide(page);
    this.restoreAround(state, ({ processor }) => processor.restore(state.processors[processor.id]!));
  }

  /** Restores all but memory. @param processors does it for each processor, while that is loaded */
  restoreAround(state: Omit<MachineState, 'pages'>, processors: (each: ProcessorAndDriver) => void): void {
    const { core, chipset, disks, scheduler, ending } = this.parts;
    // Devices come first: their wires move pins of processors and wake them.
    chipset.restore(state.devices);
    this.parts.execution.eachLoaded((each) => {
      processors(each);
      each.driver.hasPages = state.processors[each.processor.id]!.hasDriverPages;
    });
    this.restoreCounts(state.processors);
    restoreReportRecords(core.u8, state.records);
    disks.forEach((disk, i) => disk.restore!(state.disks[i]!.blocks));
    scheduler.restore(state.scheduler);
    ending.end = state.end;
    ending.debugExit = state.debugExit;
  }

  /** Visits each processor while the core has it loaded. */
  eachLoaded<T>(visit: (each: ProcessorAndDriver) => T): T[] {
    return this.parts.execution.eachLoaded(visit);
  }

  private checkFacts({ model, memoryBytes, processors, devices, disks }: MachineState): void {
    const { parts } = this;
    parts.disks.forEach(checkDisk);
    parts.disks.forEach((disk, i) => refuseBlocks(disk, disks[i]));
    const facts: readonly (readonly [what: string, saved: unknown, own: unknown])[] = [
      ['processor model', model, parts.core.model.name],
      ['bytes of memory', memoryBytes, parts.memoryBytes],
      ['number of processors', processors.length, parts.execution.processors.length],
      ['list of disk sizes', sizes(disks), sizes(parts.disks)],
      ['devices', deviceNames(devices), deviceNames(parts.chipset.save())],
    ];
    for (const [what, saved, own] of facts) {
      if (saved === own) continue;
      throw new MachineStateError(
        `this state belongs to another machine: its ${what} is ${String(saved)}, this machine's is ${String(own)}; make a machine like the saved one`,
        { details: { where: what, found: String(saved), expected: String(own) } },
      );
    }
  }

  /** The parts of a state that came from outside may be anything. @throws MachineStateError */
  private checkDevices({ devices, processors, scheduler }: MachineState): void {
    const { chipset, execution } = this.parts;
    const { timers: ownTimers, ...own } = chipset.save();
    const { timers, ...others } = devices;
    const { waiting } = (others.interrupt_messages ?? {}) as { waiting?: unknown };
    const isReceiver = ({ target }: { target: number }): boolean => execution.processors[target] !== undefined;
    const wrong =
      shapeMismatch(own, others, 'devices') ??
      (isTimers(timers) && ownTimers !== undefined ? undefined : 'timers') ??
      ((waiting as { target: number }[]).every(isReceiver) ? undefined : 'devices.interrupt_messages.waiting') ??
      (areClocksTogether(processors, scheduler, Object.values(timers as Record<string, number>))
        ? undefined
        : 'time') ??
      (processors.every(({ msrs }) => msrs.length === this.parts.core.plainMsrs.length) ? undefined : 'msrs');
    if (wrong === undefined) return;
    throw new MachineStateError(
      `this state is damaged: ${wrong} is not what a machine of this kind has; save it again`,
      {
        details: { where: wrong, advice: 'save it again' },
      },
    );
  }

  /** Of processors that share one counter, the first one keeps the counts. */
  private distinctCounts(states: readonly ProcessorState[]): ProcessorState[] {
    const { processors } = this.parts.execution;
    const first = (i: number): number =>
      processors.findIndex(({ processor }) => processor.exits === processors[i]!.processor.exits);
    return states.map((state, i) =>
      first(i) === i ? state : { ...state, exits: new Uint32Array(state.exits.length) },
    );
  }

  private restoreCounts(states: readonly ProcessorState[]): void {
    const counters = this.parts.execution.processors.map(({ processor }) => processor.exits);
    for (const counter of counters) counter.fill(0);
    counters.forEach((counter, i) => states[i]!.exits.forEach((count, reason) => (counter[reason]! += count)));
  }
}

function saveProcessor({ processor, driver }: ProcessorAndDriver): ProcessorState {
  return { ...processor.save(), hasDriverPages: driver.hasPages };
}

/** By how many nanoseconds clocks and timers may differ between two turns, and more: a turn is far shorter. */
const MOST_APART = 1e9;

/** Whether no processor is far ahead of the machine's time, nor the end of the turn, and no timer is long due: a periodic one would fire again and again, up to that time. */
function areClocksTogether(
  processors: readonly ProcessorState[],
  { time, slept, plan }: SchedulerState,
  deadlines: readonly number[],
): boolean {
  const isAhead = (clock: number): boolean => clock > time + MOST_APART;
  return (
    (plan === null || !isAhead(plan[1])) &&
    !processors.some(({ block }, i) => isAhead(instructionsIn(block) + slept[i]!)) &&
    deadlines.every((deadline) => deadline > time - MOST_APART)
  );
}

/** @throws MachineStateError if the writes of a disk are kept elsewhere */
function checkDisk(disk: DiskImage, index: number): void {
  if (disk.save !== undefined && disk.restore !== undefined) return;
  throw new MachineStateError(
    `a machine whose disk ${index} keeps its writes outside the machine can be neither saved nor restored: open the disk without "write"`,
  );
}

/** @throws MachineStateError if blocks of a state would be lost */
function refuseBlocks({ isKeptOutside }: DiskImage, saved: DiskState | undefined): void {
  if (isKeptOutside !== true || saved === undefined || saved.blocks.numbers.length === 0) return;
  throw new MachineStateError(
    `this state has ${saved.blocks.numbers.length} blocks that its guest wrote to a disk, and the disk of this machine is kept outside it: open the disk without "write"`,
  );
}

function saveDisk(disk: DiskImage, index: number): DiskState {
  checkDisk(disk, index);
  return { bytes: disk.bytes, blocks: disk.save!() };
}

const sizes = (disks: readonly { readonly bytes: number }[]): string =>
  disks.map(({ bytes }) => bytes).join(', ') || 'empty';

/** The devices of a state, those on the PCI bus too. */
function deviceNames(devices: Readonly<Record<string, object>>): string {
  const { functions = {} } = (devices.pci ?? {}) as { functions?: object };
  return [...Object.keys(devices), ...Object.keys(functions)].join(', ');
}
