// SPDX-License-Identifier: LGPL-2.1-only
// npm run bench:peers [-- --runs N --json]: three loops and a recursion interpreted, compiled and on QEMU's TCG (if qemu-system-x86_64 is installed);
// then boots the guest `debian` with all code interpreted, with hot code compiled, under cpuidcount and on QEMU, and lets each do the same work.
// Prints MIPS, seconds of processor time, and ratios to QEMU of the same run. The machines take turns, so that a load of the computer falls on all of
// them; the fastest of the runs counts. `bfm guest debian` makes the guest. Linux only: it reads /proc.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { guestMips, loops, readForms, recursion } from './bench/bench_machine.mjs';
import { qemuMips } from './bench/qemu_loop.mjs';
import { SHELL_PROMPT, WORK_DONE, WORK_DONE_COMMAND, WORK_SCRIPT } from './bench/work_script.mjs';
import { buildFolder } from './build/paths.mjs';

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
});
const RUNS = Number(options.runs);
const MEMORY_MIB = 256;
const QEMU = 'qemu-system-x86_64';
const EXITS = 1_000_000;

/** Texts of the console that end the parts of a run, and what is typed then. */
const marks = [
  { part: 'kernel', text: 'Linux version' },
  { part: 'init', text: 'Run /init as init process' },
  { part: 'shell', text: SHELL_PROMPT, type: `${WORK_SCRIPT}; ${WORK_DONE_COMMAND}\n` },
  { part: 'work', text: WORK_DONE, type: 'poweroff -f\n' },
];

/** The guest's files and its command line. @throws if it is not made */
async function guest() {
  const { findGuest } = await import(join(buildFolder, 'src/bfm/guests/find_guest.js'));
  return findGuest('debian');
}

function machines({ kernel, initrd, commandLine }) {
  const bfm = [join(buildFolder, 'src/bfm/main.js'), 'run', '--guest', 'debian', '--memory', `${MEMORY_MIB}M`];
  bfm.push('--pace', 'fast', '--timeout', '3600');
  const qemu = [
    '-accel',
    'tcg',
    '-m',
    String(MEMORY_MIB),
    '-display',
    'none',
    '-nodefaults',
    '-serial',
    'stdio',
    '-no-reboot',
  ];
  qemu.push('-cpu', 'max', '-kernel', kernel, '-initrd', initrd, '-append', commandLine);
  const all = {
    interpreted: [process.execPath, [...bfm, '--tier', 'off']],
    bare: [process.execPath, bfm],
    cpuidcount: [process.execPath, [...bfm, '-m', 'cpuidcount']],
    qemu: [QEMU, qemu],
  };
  if (spawnSync(QEMU, ['--version']).status === 0) return all;
  console.error(
    `bench:peers: there is no ${QEMU} here (Debian: apt-get install qemu-system-x86); without it there are no ratios`,
  );
  delete all.qemu;
  return all;
}

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);
/** Fields of /proc/ID/stat behind the name of the program, which may have spaces: time in user mode and in the kernel, in ticks. */
const STAT = { user: 11, system: 12 };

/** Seconds of processor time that a process has had, and the most memory, in MiB. */
function consumption(id) {
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'));
  const ticks = Number(fields[STAT.user]) + Number(fields[STAT.system]);
  return { time: ticks / TICKS_PER_SECOND, memory: Math.round(Number(kibibytes) / 1024) };
}

/** Boots and works once. @returns seconds of each part, the most memory, and what the program reported @throws if the guest does not come to its end */
function runOnce([command, args]) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let before = 0;
    let text = '';
    let next = 0;
    const seconds = {};
    let memory;
    const look = (data) => {
      text += data;
      while (next < marks.length) {
        const { part, text: wanted, type } = marks[next];
        const at = text.indexOf(wanted);
        if (at < 0) break;
        text = text.slice(at + wanted.length);
        const { time, memory: peak } = consumption(child.pid);
        seconds[part] = time - before;
        before = time;
        memory = peak;
        if (type !== undefined) child.stdin.write(type);
        next++;
      }
    };
    child.stdout.on('data', look);
    let complaint = '';
    child.stderr.on('data', (data) => (complaint += data));
    child.on('error', failed);
    child.on('close', () => {
      const exits = [...complaint.matchAll(/^ +exits: \S+ +(\d[\d ]*)$/gm)].map(([, count]) =>
        Number(count.replaceAll(' ', '')),
      );
      if (next === marks.length) done({ seconds, memory, exits: exits.reduce((all, each) => all + each, 0) });
      else failed(new Error(`${command} ended before "${marks[next].text}":\n${text.slice(-500)}${complaint}`));
    });
  });
}

const sum = (seconds) => marks.reduce((total, { part }) => total + seconds[part], 0);

async function measure(all) {
  const best = {};
  for (let run = 0; run < RUNS; run++)
    for (const [name, machine] of Object.entries(all)) {
      const { seconds, memory, exits } = await runOnce(machine);
      const known = (best[name] ??= { seconds: { ...seconds }, total: Infinity, memory, exits });
      for (const part of Object.keys(seconds)) known.seconds[part] = Math.min(known.seconds[part], seconds[part]);
      known.total = Math.min(known.total, sum(seconds));
      console.error(`bench:peers: ${name}, run ${run + 1} of ${RUNS}: ${sum(seconds).toFixed(1)} s`);
    }
  return best;
}

function table(best, secondsOfExit) {
  const parts = [...marks.map(({ part }) => part), 'all'];
  const value = ({ seconds, total }, part) => (part === 'all' ? total : seconds[part]);
  const row = (name, cells) => `${name.padEnd(20)}${cells.map((cell) => cell.padStart(10)).join('')}`;
  const lines = [row('seconds', [...parts, 'MiB'])];
  for (const [name, result] of Object.entries(best))
    lines.push(row(name, [...parts.map((part) => value(result, part).toFixed(2)), String(result.memory ?? '?')]));
  if (best.qemu !== undefined)
    for (const name of ['interpreted', 'bare', 'cpuidcount'])
      lines.push(
        row(
          `${name} / qemu`,
          parts.map((part) => (value(best[name], part) / value(best.qemu, part)).toFixed(1)),
        ),
      );
  const { exits, total } = best.cpuidcount;
  const vmm = (exits * secondsOfExit) / total;
  lines.push(
    `VMM: ${exits} VM exits at ${(secondsOfExit * 1e9).toFixed(0)} ns are ${(vmm * 100).toFixed(2)} % of the run under cpuidcount`,
  );
  const share = (1 - best.bare.total / total) * 100;
  lines.push(
    `All that cpuidcount adds to the bare run is ${share.toFixed(1)} %: VM exits, and address translation by EPT`,
  );
  return lines.join('\n');
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

/** The most MIPS of the runs of each loop, in turns. */
async function measureLoops(hasQemu) {
  const forms = await readForms();
  const measures = {
    interpreted: (loop, name) => guestMips(loop, name),
    compiled: (loop, name) => guestMips(loop, name, { mode: 'on', forms: () => forms }),
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
  const row = (name, cells) => `${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(14)).join('')}`;
  return [row('MIPS', columns)]
    .concat(
      Object.entries(most).map(([name, mips]) =>
        row(name, [...hows.map((how) => mips[how]), ...(mips.qemu ? [(mips.compiled / mips.qemu).toFixed(2)] : [])]),
      ),
    )
    .join('\n');
}

const all = machines(await guest());
const loopMips = await measureLoops(all.qemu !== undefined);
const best = await measure(all);
const secondsOfExit = secondsOfOneExit();
if (options.json) console.log(JSON.stringify({ loopMips, ...best, secondsOfExit }));
else console.log(`${loopTable(loopMips)}\n\n${table(best, secondsOfExit)}`);
