// SPDX-License-Identifier: LGPL-2.1-only
// npm run bench:processors [-- --work]: what several processors cost. Nanoseconds an instruction of one processor alone and of 2, 4 and 8 side by
// side, each at the same work (guests/bench_processors), and nanoseconds a switch of processors. Each figure is the best of five, taken in turns; it is
// the time of the process, not of the clock, since other programs may run. With --work: the guest `debian` on 1 and on 4 processors, whose four shells
// run the work script of bench:peers side by side. The two machines take turns.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { workSideBySide } from './bench/work_side_by_side.mjs';
import { buildFolder } from './build/paths.mjs';

const RUNS = 5;
const COUNTS = [1, 2, 4, 8];
const SWITCHES = 200_000;
const MEMORY = 64 << 20;

const { values: options } = parseArgs({ options: { work: { type: 'boolean', default: false } } });

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

const percent = (time, alone) => `${(100 * (time / alone - 1)).toFixed(0)} % more than one alone`;
const name = (count) => `${count} processor${count === 1 ? ' ' : 's'}`;

async function printLoop() {
  const best = new Map(COUNTS.map((count) => [count, Infinity]));
  let switchTime = Infinity;
  for (let run = 0; run < RUNS; run++) {
    for (const count of COUNTS) best.set(count, Math.min(best.get(count), await perInstruction(count)));
    switchTime = Math.min(switchTime, perSwitch());
  }
  const alone = best.get(1);
  for (const [count, time] of best)
    console.log(
      `${name(count)}  ${time.toFixed(2)} ns an instruction${count === 1 ? '' : ` (${percent(time, alone)})`}`,
    );
  console.log(`switch       ${Math.round(switchTime)} ns`);
}

async function printWork() {
  const results = await workSideBySide(coreModule, [1, 4]);
  const [alone] = results;
  for (const result of results) {
    const more = (kind) => (result === alone ? '' : ` (${percent(result[kind], alone[kind])})`);
    const { processors, instructions, wall, process } = result;
    console.log(`${name(processors)}  ${(instructions / 1e9).toFixed(2)} G instructions`);
    console.log(`  of the process  ${process.toFixed(2)} ns an instruction${more('process')}`);
    console.log(`  of the clock    ${wall.toFixed(2)} ns an instruction${more('wall')}`);
  }
}

await (options.work ? printWork() : printLoop());
