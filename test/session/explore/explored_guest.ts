// SPDX-License-Identifier: LGPL-2.1-only
// Guests at the moment from which their schedules are explored.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModuleSource } from '../../../src/driver/module_source.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { markedTarget } from '../../../src/session/explore/marked_target.js';
import { MachineWithVmm } from '../../../src/session/machine_with_vmm.js';
import { othersCode, raceGuest, RaceGuest, startOthers, startPage } from '../../machine/race_guest.js';
import { assemble } from '../../support/assembler.js';
import { coreModule } from '../../support/test_core.js';
import { listOf } from '../vmm_guests.js';

const machines: MachineWithVmm[] = [];

/** Ends all machines. */
export function endExplored(): void {
  for (const machine of machines.splice(0)) machine[Symbol.dispose]();
}

/** A machine with its VMM, before the guest's first instruction. */
export async function atPowerOn(
  bytes: Uint8Array,
  processors: number,
  modules: readonly string[],
  settings: Readonly<Record<string, string>>,
  source: ModuleSource = moduleFiles,
) {
  const machine = await MachineWithVmm.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    source,
    modules,
    settings,
  });
  machines.push(machine);
  machine.boot({ kernel: { name: 'guest', bytes } });
  if (modules.length > 0) machine.driver.start();
  return { machine, target: markedTarget(machine) };
}

/** One of our own guests on two processors. @param extension such as `example_ept_hook` */
export function explored(guest: string, extension: string, settings: Readonly<Record<string, string>> = {}) {
  const bytes = new Uint8Array(readFileSync(join(buildFolder, 'guests', `${guest}.bin`)));
  return atPowerOn(bytes, 2, [listOf(extension)], settings);
}

/** Processors that race on a lock, without a VMM. @param end an instruction of the first one before it halts */
export function exploredRace(processors: number, rounds: number, end?: string) {
  return atPowerOn(raceGuest(processors, rounds, end), processors, [], {});
}

/** Processors that each add 1 to a counter, in two steps. @param between instructions between load and store */
export function addingGuest(processors: number, between: readonly string[]): Uint8Array {
  const add = [`mov edi, [${RaceGuest.counter}]`, ...between, 'inc edi', `mov [${RaceGuest.counter}], edi`];
  const done = `lock inc word ptr [${RaceGuest.done}]`;
  const others = assemble([...add, done, 'cli', 'hlt'], 16, startPage << 12);
  const wait = [`wait: pause`, `cmp word ptr [${RaceGuest.done}], ${processors}`, 'jne wait', 'cli', 'hlt'];
  const code = [...startOthers(others), ...add, done, ...wait, ...othersCode(others)];
  return assemble(code, 64, FLAT_IMAGE_ADDRESS);
}

/** Such processors with a VM exit between load and store. */
export function exploredCounter(processors = 2) {
  const guest = addingGuest(processors, ['xor eax, eax', 'cpuid']);
  return atPowerOn(guest, processors, [listOf('example_cpuidcount')], {});
}

/** A byte that processors write between load and store. */
export const NOTE = 0x6c0;
export const noteGuest = (processors: number): Uint8Array => addingGuest(processors, [`mov byte ptr [${NOTE}], 1`]);

/** Such processors without a VMM, and with a write between load and store. */
export const exploredNote = (processors = 2) => atPowerOn(noteGuest(processors), processors, [], {});
