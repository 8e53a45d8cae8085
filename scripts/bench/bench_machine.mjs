// SPDX-License-Identifier: LGPL-2.1-only
// What the benchmarks share: the loops, and machines in this process that run them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../build/paths.mjs';

const CALLS_OF_RECURSION = 7_049_155;
/** fib(n) with n below 2, of 4 instructions; the others have 12. */
const SMALL_CALLS = (CALLS_OF_RECURSION + 1) / 2;

/** The loops: iterations, and instructions from the guest's first to its last (guests/bench_*). `export` is the host's loop of bench/host_loops.ts. */
export const loops = {
  alu: { export: 'aluLoop', iterations: 40e6, instructions: 6 * 40e6 + 6 },
  memory: { export: 'memoryLoop', iterations: 30e6, instructions: 7 * 30e6 + 5 },
  call: { export: 'callLoop', iterations: 20e6, instructions: 9.5 * 20e6 + 6 },
};
/** Recursion, which has no loop on the host. */
export const recursion = { instructions: 4 * SMALL_CALLS + 12 * (CALLS_OF_RECURSION - SMALL_CALLS) + 6 };

export const built = (path) => import(join(buildFolder, path));
export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The assembled code of a guest. */
export const guestCode = (guest) => new Uint8Array(readFileSync(join(buildFolder, 'guests', `${guest}.bin`)));

export async function readForms() {
  const { CompiledForms } = await built('src/machine/compiled/compiled_forms.js');
  const read = (name) => JSON.parse(readFileSync(join(buildFolder, 'cpu', name), 'utf8'));
  return new CompiledForms(read('forms.json'), read('templates.json'));
}

/** @param compiledTier how hot code is compiled; without it all code is interpreted */
export async function newPc(guest, memoryBytes = 64 << 20, compiledTier = undefined) {
  const { Pc } = await built('src/machine/pc.js');
  const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
  const ignore = () => {};
  const pc = await Pc.create({ coreModule, memoryBytes, com1: ignore, com2: ignore, compiledTier });
  return { pc, boot: () => pc.boot({ kernel: { name: guest, bytes: guestCode(guest) }, modules: [], append: '' }) };
}

/** Milliseconds from the first quantum to the guest's write of the debug-exit port. @param quantumEnded called behind each quantum */
export function runToEnd(pc, quantumEnded = () => {}) {
  const start = performance.now();
  let end;
  while (end === undefined) {
    end = pc.runQuantum(() => true);
    quantumEnded();
  }
  const milliseconds = performance.now() - start;
  if (end.kind !== 'debug-exit') throw new Error(`the guest ended by ${end.kind}: ${end.detail}`);
  return milliseconds;
}

export function expectInstructions(pc, guest, instructions) {
  if (pc.instructions !== instructions)
    throw new Error(`${guest} retired ${pc.instructions} instructions, expected ${instructions}`);
}

/** Millions of instructions a second from a loop's first instruction to its last; what compiling takes is in it. */
export async function guestMips({ instructions }, name, compiledTier) {
  const { pc, boot } = await newPc(`bench_${name}`, 64 << 20, compiledTier);
  boot();
  const milliseconds = runToEnd(pc);
  expectInstructions(pc, `bench_${name}`, instructions);
  return instructions / milliseconds / 1e3;
}
