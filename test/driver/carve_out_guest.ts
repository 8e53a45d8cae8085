// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { Pc } from '../../src/machine/pc.js';
import { assemble } from '../support/assembler.js';

const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'exit_handler_cpuid_count.ts');
const memoryBytes = 16 * 1024 * 1024;

/** Physical address of the VMM's carve-out, and its bytes. */
export const CarveOut = { start: 0x1_0000_0000, bytes: 0x400_0000 } as const;

/** Lines that map the fifth GiB, where the carve-out is, to itself. The flat image finds the first four mapped. */
export const mapCarveOut = [
  'mov rbx, cr3',
  'mov rbx, [rbx]',
  'and rbx, -4096',
  'mov dword ptr [rbx + 32], 0x302007',
  'mov dword ptr [rbx + 36], 0',
  'mov edi, 0x302000',
  'movabs rax, 0x100000087',
  'mov ecx, 512',
  'next: mov [rdi], rax',
  'add rax, 0x200000',
  'add rdi, 8',
  'dec ecx',
  'jnz next',
  'mov rax, cr3',
  'mov cr3, rax',
];

/** Lines that write a byte to the console. */
export const print = (character: string): string[] => [
  'mov edx, 0x3f8',
  `mov al, ${character.charCodeAt(0)}`,
  'out dx, al',
];

const powerOff = ['mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'];

/** A machine with a flat guest made of `lines`, and a driver that has added cpuidcount. */
export async function guestMachine(lines: readonly string[], module: string = cpuidCount) {
  const console: number[] = [];
  const pc = await Pc.create({ coreModule, memoryBytes, com1: (byte) => void console.push(byte), com2: () => {} });
  pc.boot({
    kernel: { name: 'guest', bytes: assemble([...lines, ...powerOff], 64, 0x200000) },
    modules: [],
    append: '',
  });
  const driver = await Driver.create({ source: moduleFiles, machine: pc.driverAccess });
  driver.addModule(module);
  const carveOut = pc.core.u8.subarray(Layout.RAM + memoryBytes, Layout.RAM + memoryBytes + CarveOut.bytes);
  return {
    pc,
    driver,
    /** The bytes of the carve-out, as the machine holds them. */
    carveOut,
    console: () => String.fromCharCode(...console),
    /** Runs to the end, or so many quanta. @returns how the machine ended. */
    run: (quanta = Infinity) => {
      let end;
      for (let quantum = 0; end === undefined && quantum < quanta; quantum++) end = pc.runQuantum(() => true);
      return end;
    },
  };
}
