// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { freshModuleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { Pc, type PcOptions } from '../../src/machine/pc.js';
import { assemble } from '../support/assembler.js';

const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));

/** Where a guest leaves what a spec looks at. */
export const RESULTS = 0x300000;

const powerOff = ['mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'];

/**
 * Runs a guest in 64-bit mode under one of the extensions hypervisor_example_*, up to its end.
 *
 * @param lines its code; RBX is the address of the results @param settings values of parameters @param options of the machine
 */
export async function runUnder(
  name: string,
  lines: readonly string[],
  settings: Readonly<Record<string, string>> = {},
  options: Partial<PcOptions> = {},
) {
  const vmm: number[] = [];
  const pc = await Pc.create({
    coreModule,
    memoryBytes: 16 << 20,
    com1: () => {},
    com2: (byte) => void vmm.push(byte),
    ...options,
  });
  const driver = await Driver.create({ source: freshModuleFiles, machine: pc.driverAccess });
  driver.addModules(join(packageRoot, 'extensions', `hypervisor_example_${name}`, `${name}.modules`));
  await driver.load(settings);
  const bytes = assemble([`mov ebx, ${RESULTS}`, ...lines, ...powerOff], 64, 0x200000);
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  driver.start();
  while (pc.runQuantum(() => true) === undefined);
  const results = new BigUint64Array(pc.ram.slice(RESULTS, RESULTS + 64).buffer);
  const outcome = { results, reports: driver.reports(), exits: pc.exits(), vmm: String.fromCharCode(...vmm) };
  driver.close();
  return outcome;
}
