// SPDX-License-Identifier: LGPL-2.1-only
// Runs a flat image on our machine and returns what it wrote to COM1.
import { readFileSync } from 'node:fs';
import { Pc } from '../../src/machine/pc.js';

/** Runs until the guest switches off. @param instructions after which the run is an error. */
export async function runOnOurMachine(image: string, instructions: number): Promise<string> {
  const bytes: number[] = [];
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(new URL('../../cpu/cpu.wasm', import.meta.url))),
    memoryBytes: 64 << 20,
    com1: (byte) => void bytes.push(byte),
    com2: () => {},
  });
  pc.boot({ kernel: { name: image, bytes: readFileSync(image) }, modules: [], append: '' });
  const text = (): string => Buffer.from(bytes).toString('latin1');
  while (pc.instructions < instructions) {
    const end = pc.runQuantum(() => true);
    if (end !== undefined) return end.kind === 'powered-off' ? text() : `${text()}\n(${end.kind}: ${end.detail})`;
  }
  return `${text()}\n(still running after ${instructions} instructions)`;
}
