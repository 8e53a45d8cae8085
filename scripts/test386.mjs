// SPDX-License-Identifier: LGPL-2.1-only
// node scripts/test386.mjs ROM [EE-REFERENCE]: runs the ROM of test386.asm (https://github.com/barotto/test386.asm, assembled outside this
// repository with ROM128 = 1, OUT_PORT = 0xe9, POST_PORT = 0x190) on the processor core alone, and prints the POST codes that it reaches.
// With the reference file, the results of POST EE are compared line by line. Exit status: 0 POST FF and no difference, 1 otherwise.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [rom, reference] = process.argv.slice(2);
if (rom === undefined) {
  console.error('usage: node scripts/test386.mjs test386.bin [test386-EE-reference.txt]');
  process.exit(2);
}
const built = (path) => fileURLToPath(new URL(`../build/${path}`, import.meta.url));
const { WasmCore } = await import(built('src/machine/processor/wasm_core.js'));
const { Layout } = await import(built('src/machine/layout/layout.js'));
const { StopReason } = await import(built('src/machine/layout/stop_reason.js'));

const posts = [];
let output = '';
const bus = {
  portRead: () => 0xffffffff,
  portWrite: (port, size, value) => {
    if (port === 0x190) posts.push(value & 255);
    else if (port === 0xe9) output += String.fromCharCode(value & 255);
  },
  mmioRead: () => 0xffffffff,
  mmioWrite: () => {},
  acknowledgeInterrupt: () => -1,
  taskPriorityRead: () => 0,
  taskPriorityWrite: () => {},
  msrRead: () => undefined,
  msrHigh: () => 0,
  msrWrite: () => false,
};
const core = await WasmCore.create({
  module: new WebAssembly.Module(readFileSync(built('cpu/cpu.wasm'))),
  memoryBytes: 16 << 20,
  bus,
});
const image = readFileSync(rom);
core.u8.set(image, Layout.RAM + 0x100000 - image.length);
// the reset vector, without the alias of the ROM below 4 GiB
core.u64[Layout.CS_BASE / 8] = 0xf0000n;
core.u32[Layout.CS_SELECTOR / 4] = 0xf000;
core.u64[Layout.RIP / 8] = 0xfff0n;
core.stateLoaded();

let stop = StopReason.Quantum;
for (let slice = 0; slice < 2000 && stop === StopReason.Quantum && posts.at(-1) !== 0xff; slice++)
  stop = core.run(100_000);
const hex = (value) => value.toString(16).toUpperCase().padStart(2, '0');
console.log(`POST ${posts.map(hex).join(' ')}`);
console.log(
  `${core.instructionCount} instructions, ${StopReason[stop]}, CS:IP ${hex(core.u32[Layout.CS_SELECTOR / 4])}:${hex(core.u64[Layout.RIP / 8])}`,
);
let wrong = 0;
if (reference !== undefined) {
  const expected = readFileSync(reference, 'latin1').split(/\r?\n/);
  const actual = output.split(/\r?\n/);
  expected.forEach((line, i) => {
    if (line === (actual[i] ?? '')) return;
    if (wrong++ < 20) console.log(`line ${i + 1}\n  wanted ${line}\n  got    ${actual[i] ?? '(nothing)'}`);
  });
  console.log(`${expected.length} lines of results, ${wrong} differ`);
}
process.exitCode = posts.at(-1) === 0xff && wrong === 0 ? 0 : 1;
