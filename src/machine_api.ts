// SPDX-License-Identifier: LGPL-2.1-only
// The public entry `bareflank/machine`: a machine with its VMM in the own process, for tests and fuzzers. It runs on Node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleFileOf } from './driver/node/extension_files.js';
import { moduleFiles } from './driver/node/module_files.js';
import { buildFolder } from './driver/node/package_paths.js';
import type { BootFile } from './machine/boot/entry_state.js';
import { MachineWithVmm, type MachineWithVmmOptions } from './session/machine_with_vmm.js';

export type { Driver, DriverState } from './driver/driver.js';
export type { DriverPoint } from './driver/driver_point.js';
export type { BootFile, BootModule, BootRequest } from './machine/boot/entry_state.js';
export type { DiskImage } from './machine/devices/virtio/disk_image.js';
export type { ConsolePort } from './machine/devices/virtio/virtio_console.js';
export type { ProcessorModel } from './machine/models/processor_model.js';
export { BranchCoverage, placeOfBranch } from './machine/branch_coverage.js';
export type { Pc, PcEnd, PcOptions } from './machine/pc.js';
export { explore, type Explored, type ExploreOptions } from './session/explore/explore.js';
export { markedTarget } from './session/explore/marked_target.js';
export type { ExploredTarget } from './session/explore/observed_run.js';
export type { ScheduledResult, TakenDeviation } from './session/explore/scheduled_run.js';
export type {
  ExploredMachine,
  ExploredMemory,
  ExploredProcessor,
  ExploredRun,
  Predicate,
} from './session/explore/predicate.js';
export { moduleFileOf } from './driver/node/extension_files.js';
export { MachineWithVmm, type MarkedMoment } from './session/machine_with_vmm.js';

/** Which machine to make. */
export interface MachineOptions extends Omit<
  MachineWithVmmOptions,
  'source' | 'coreModule' | 'memoryBytes' | 'modules'
> {
  /** Guest RAM in MiB: 16 to 3072, 64 by default. */
  readonly memoryMiB?: number;
  /** Extensions, as for `bfm run -m`: module sources, `.modules` lists, and names of extensions. None: the machine has no VMM. */
  readonly modules?: readonly string[];
}

/**
 * Makes a machine that has just been switched on, and loads its VMM.
 *
 *     const machine = await createMachine({ modules: ['cpuidcount', 'my_extension/my.modules'] });
 *     machine.boot({ kernel: ownGuest('cpuid') });
 *     machine.driver.start();
 *     const moment = machine.mark();
 *     machine.run(1e6);
 *     machine.reset(moment);
 *
 * @throws ModuleLoadError … ; MemoryError if the system does not give the memory
 */
export async function createMachine({
  memoryMiB = 64,
  modules: names = [],
  ...options
}: MachineOptions = {}): Promise<MachineWithVmm> {
  const modules = names.map(moduleFileOf);
  const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
  return MachineWithVmm.create({ ...options, modules, coreModule, memoryBytes: memoryMiB << 20, source: moduleFiles });
}

/** The image of a small guest that comes with the package: `cpuid`, `echo` and others, as `bfm run --guest` knows them. @throws if there is none of this name */
export function ownGuest(name: string): BootFile {
  return { name, bytes: new Uint8Array(readFileSync(join(buildFolder, 'guests', `${name}.bin`))) };
}
