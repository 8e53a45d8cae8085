// SPDX-License-Identifier: LGPL-2.1-only
// Machines with a VMM whose states are saved and restored.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { freshModuleFiles, moduleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { Pc } from '../../src/machine/pc.js';
import type { DrivenMachine } from '../../src/session/verify_state.js';
import { raceGuest } from '../machine/race_guest.js';
import { coreModule } from '../support/test_core.js';

/** Some of our extensions, for one VMM together. */
export const examples = ['example_cpuidcount', 'example_ept_hook', 'example_msr_bitmap', 'example_vpid'];

const extensions = join(packageRoot, 'extensions');

/** The `.modules` file of an extension of ours. */
export const listOf = (name: string): string =>
  join(extensions, `hypervisor_${name}`, `${name.replace('example_', '')}.modules`);

/** All of our extensions that are for any guest. That for fuzzing has a guest of its own. */
export const everyExtension: readonly string[] = readdirSync(extensions)
  .map((folder) => folder.replace('hypervisor_', ''))
  .filter((name) => existsSync(listOf(name)))
  .sort();

/** A small guest. */
export interface Guest {
  readonly name: string;
  readonly processors: number;
  readonly bytes: Uint8Array;
  /** Instructions between two saves. */
  readonly step: number;
}

const guestOf = (name: string): Uint8Array => readFileSync(join(buildFolder, 'guests', `${name}.bin`));
export const cpuids: Guest = { name: 'cpuid', processors: 1, bytes: guestOf('cpuid'), step: 2_777 };
export const effects: Guest = { name: 'effects', processors: 1, bytes: guestOf('effects'), step: 101 };
export const race: Guest = { name: 'race', processors: 4, bytes: raceGuest(4, 400), step: 3_131 };

/** A machine that has just been switched on, and what it prints. @param isFresh its VMM shares no variable with others. */
export async function newMachine(
  processors: number,
  modules: readonly string[],
  isFresh = false,
): Promise<DrivenMachine & { output: string[] }> {
  const output: string[] = [];
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: (byte) => void output.push(String.fromCharCode(byte)),
    com2: () => {},
    debugConsole: () => {},
  });
  const driver = await Driver.create({ source: isFresh ? freshModuleFiles : moduleFiles, machine: pc.driverAccess });
  for (const file of modules) driver.addModules(file);
  return { pc, driver, output };
}

/** A machine whose VMM was started before the guest's first instruction. */
export async function booted(guest: Guest, modules: readonly string[]) {
  const machine = await newMachine(guest.processors, modules);
  machine.pc.boot({ kernel: { name: guest.name, bytes: guest.bytes }, modules: [], append: '3000' });
  await machine.driver.load();
  machine.driver.start();
  return machine;
}

/** What can be seen of a machine, as data. */
export const resultOf = ({ pc, driver }: DrivenMachine) => ({
  hash: pc.stateHash(),
  exits: pc.exits(),
  reports: driver.reports(),
  rings: pc.processors.map(({ id }) => driver.dump(BigInt(id))),
  instructions: pc.processors.map(({ instructionCount }) => instructionCount),
});
