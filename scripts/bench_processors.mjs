// SPDX-License-Identifier: LGPL-2.1-only
// npm run bench:processors: what several processors cost. Nanoseconds an instruction of one processor alone and of 2, 4 and 8 side by side, each at
// the same work (guests/bench_processors), and nanoseconds a switch of processors. Each figure is the best of five, taken in turns; it is the time of
// the process, not of the clock, since other programs may run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from './build/paths.mjs';

const RUNS = 5;
const COUNTS = [1, 2, 4, 8];
const SWITCHES = 200_000;
const MEMORY = 64 << 20;

const { Pc } = await import(join(buildFolder, 'src/machine/pc.js'));
const { WasmCore } = await import(join(buildFolder, 'src/machine/processor/wasm_core.js'));
const { PcBus } = await import(join(buildFolder, 'src/machine/pc_bus.js'));
const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
const bytes = new Uint8Array(readFileSync(join(buildFolder, 'guests', 'bench_processors.bin')));

/** Nanoseconds of the process that `work` takes. */
function nanosecondsOf(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

async function perInstruction(processors) {
  const ignore = () => {};
  const pc = await Pc.create({ coreModule, memoryBytes: MEMORY, processors, com1: ignore, com2: ignore });
  pc.boot({ kernel: { name: 'bench_processors', bytes }, modules: [], append: '' });
  let end;
  const nanoseconds = nanosecondsOf(() => {
    while (end === undefined) end = pc.runQuantum(() => true);
  });
  if (end.kind !== 'debug-exit') throw new Error(`the guest ended by ${end.kind}: ${end.detail}`);
  const done = new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + 0x680, 1)[0];
  if (done !== processors) throw new Error(`${done} of ${processors} processors did their work`);
  return nanoseconds / pc.instructions;
}

/** Two blocks are copied in each. */
function perSwitch() {
  const [first, second] = WasmCore.createAll({
    module: coreModule,
    memoryBytes: MEMORY,
    processors: 2,
    bus: new PcBus(),
  });
  const nanoseconds = nanosecondsOf(() => {
    for (let i = 0; i < SWITCHES / 2; i++) {
      second.load();
      first.load();
    }
  });
  return nanoseconds / SWITCHES;
}

const best = new Map(COUNTS.map((count) => [count, Infinity]));
let switchTime = Infinity;
for (let run = 0; run < RUNS; run++) {
  for (const count of COUNTS) best.set(count, Math.min(best.get(count), await perInstruction(count)));
  switchTime = Math.min(switchTime, perSwitch());
}
const alone = best.get(1);
for (const [count, time] of best) {
  const more = count === 1 ? '' : ` (${(100 * (time / alone - 1)).toFixed(0)} % more than one alone)`;
  console.log(`${count} processor${count === 1 ? ' ' : 's'}  ${time.toFixed(2)} ns an instruction${more}`);
}
console.log(`switch       ${Math.round(switchTime)} ns`);
