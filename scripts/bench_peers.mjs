// SPDX-License-Identifier: LGPL-2.1-only
// npm run bench:peers [-- --runs N --programs --kernel FILE --json]: three loops and a recursion interpreted, compiled and on QEMU's TCG (if qemu-system-x86_64 is
// installed); then boots the guest `debian` with all code interpreted, with hot code compiled, under cpuidcount and on QEMU, and lets each do the same
// work. Prints MIPS, seconds of processor time, and ratios to QEMU of the same run. The fastest of the runs counts. `bfm guest debian` makes the guest.
// With --programs: programs of the guest `debian-disk` instead. --kernel boots another kernel with the guest's initramfs, without the loops.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { guestMips, loops, readForms, recursion } from './bench/bench_machine.mjs';
import { guestFiles, leastOfRuns, machinesOf, QEMU, secondsOf, tableRow } from './bench/console_run.mjs';
import { programs, WRITE_SOURCES } from './bench/programs.mjs';
import { qemuMips } from './bench/qemu_loop.mjs';
import { SHELL_PROMPT, WORK_DONE, WORK_DONE_COMMAND, WORK_SCRIPT } from './bench/work_script.mjs';
import { buildFolder } from './build/paths.mjs';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    programs: { type: 'boolean', default: false },
    kernel: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const RUNS = Number(options.runs);
const MEMORY_MIB = 256;
const DISK_MEMORY_MIB = 512;
const EXITS = 1_000_000;

/** Texts of the console that end the parts of a run, and what is typed then. */
const marks = [
  { part: 'kernel', text: 'Linux version' },
  { part: 'init', text: 'Run /init as init process' },
  { part: 'shell', text: SHELL_PROMPT, type: `${WORK_SCRIPT}; ${WORK_DONE_COMMAND}\n` },
  { part: 'work', text: WORK_DONE, type: 'poweroff -f\n' },
];

const PROMPT = 'root@debian:~# ';
/** The same for the programs of the guest with a disk: each begins when the shell has its prompt again. */
function programMarks() {
  const entries = Object.entries(programs);
  const typed = [...entries.map(([, command]) => `${command}\n`), 'poweroff -f\n'];
  return [
    { part: 'kernel', text: 'Linux version' },
    { part: 'login', text: 'debian login: ', type: 'root\n' },
    { part: 'shell', text: PROMPT, type: WRITE_SOURCES },
    { part: 'sources', text: PROMPT, type: typed[0] },
    ...entries.map(([part], index) => ({ part, text: PROMPT, type: typed[index + 1] })),
  ];
}

/** VM exits that a run under a VMM has reported. */
const exitsOf = ({ complaint }) =>
  [...complaint.matchAll(/^ +exits: \S+ +(\d[\d ]*)$/gm)].reduce(
    (all, [, count]) => all + Number(count.replaceAll(' ', '')),
    0,
  );

/** Seconds of the parts of all machines, with the ratios to QEMU. */
function timeTable(best, parts) {
  const lines = [tableRow('seconds', [...parts, 'MiB'])];
  for (const [name, result] of Object.entries(best))
    lines.push(tableRow(name, [...parts.map((part) => secondsOf(result, part).toFixed(2)), result.memory ?? '?']));
  if (best.qemu !== undefined)
    for (const name of ['interpreted', 'bare', 'cpuidcount'])
      lines.push(
        tableRow(
          `${name} / qemu`,
          parts.map((part) => (secondsOf(best[name], part) / secondsOf(best.qemu, part)).toFixed(1)),
        ),
      );
  return lines;
}

function table(best, secondsOfExit) {
  const { total } = best.cpuidcount;
  const exits = exitsOf(best.cpuidcount);
  const vmm = (exits * secondsOfExit) / total;
  const share = (1 - best.bare.total / total) * 100;
  return [
    ...timeTable(best, [...marks.map(({ part }) => part), 'all']),
    `VMM: ${exits} VM exits at ${(secondsOfExit * 1e9).toFixed(0)} ns are ${(vmm * 100).toFixed(2)} % of the run under cpuidcount`,
    `All that cpuidcount adds to the bare run is ${share.toFixed(1)} %: VM exits, and address translation by EPT`,
  ].join('\n');
}

/** How many times as fast as interpreted, and what EPT costs. */
function programTable(best) {
  const parts = Object.keys(programs);
  const ratios = (name, other) =>
    parts.map((part) => (secondsOf(best[other], part) / secondsOf(best[name], part)).toFixed(2));
  return [
    ...timeTable(best, parts),
    tableRow('interpreted / bare', ratios('bare', 'interpreted')),
    tableRow('cpuidcount / bare', ratios('bare', 'cpuidcount')),
  ].join('\n');
}

/** What one VM exit costs, with the VMM's handling: a guest that only executes CPUID, under cpuidcount. */
function secondsOfOneExit() {
  const args = [
    join(buildFolder, 'src/bfm/main.js'),
    'run',
    '--guest',
    'cpuid',
    '--append',
    String(EXITS),
    '-m',
    'cpuidcount',
    '--json',
  ];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return JSON.parse(stdout).milliseconds / 1000 / EXITS;
}

/** MIPS of a loop in a process of its own, bare or under a VMM, which translates its addresses by EPT. */
function bfmMips(name, ...more) {
  const args = [join(buildFolder, 'src/bfm/main.js'), 'run', '--guest', `bench_${name}`, ...more, '--json'];
  const { machine, milliseconds } = JSON.parse(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
  return machine.instructions / 1000 / milliseconds;
}

/** The most MIPS of the runs of each loop, in turns. */
async function measureLoops(hasQemu) {
  const forms = await readForms();
  const measures = {
    interpreted: (loop, name) => guestMips(loop, name),
    compiled: (loop, name) => guestMips(loop, name, { mode: 'on', forms: () => forms }),
    bfm: (_loop, name) => bfmMips(name),
    'bfm, EPT': (_loop, name) => bfmMips(name, '-m', 'cpuidcount'),
    ...(hasQemu ? { qemu: (loop, name) => qemuMips(QEMU, loop, name) } : {}),
  };
  const most = {};
  for (const [name, loop] of Object.entries({ ...loops, recursion })) {
    most[name] = {};
    for (let run = 0; run < RUNS; run++)
      for (const [how, mips] of Object.entries(measures))
        most[name][how] = Math.max(most[name][how] ?? 0, Math.round(await mips(loop, name)));
    console.error(`bench:peers: loop ${name}: ${JSON.stringify(most[name])}`);
  }
  return most;
}

function loopTable(most) {
  const hows = Object.keys(Object.values(most)[0]);
  const columns = [...hows, ...(hows.includes('qemu') ? ['compiled/qemu'] : [])];
  return [tableRow('MIPS', columns, 14)]
    .concat(
      Object.entries(most).map(([name, mips]) =>
        tableRow(
          name,
          [...hows.map((how) => mips[how]), ...(mips.qemu ? [(mips.compiled / mips.qemu).toFixed(2)] : [])],
          14,
        ),
      ),
    )
    .join('\n');
}

async function benchPrograms() {
  const all = machinesOf(await guestFiles('debian-disk'), DISK_MEMORY_MIB);
  const best = await leastOfRuns(all, programMarks(), RUNS);
  console.log(options.json ? JSON.stringify(best) : programTable(best));
}

async function benchBoots() {
  const files = await guestFiles('debian');
  const all = machinesOf({ ...files, kernel: options.kernel ?? files.kernel }, MEMORY_MIB);
  const loopMips = options.kernel === undefined ? await measureLoops(all.qemu !== undefined) : {};
  const best = await leastOfRuns(all, marks, RUNS);
  const secondsOfExit = secondsOfOneExit();
  if (options.json) return console.log(JSON.stringify({ loopMips, ...best, secondsOfExit }));
  if (options.kernel === undefined) console.log(`${loopTable(loopMips)}\n`);
  console.log(table(best, secondsOfExit));
}

await (options.programs ? benchPrograms() : benchBoots());
