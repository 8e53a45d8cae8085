// SPDX-License-Identifier: LGPL-2.1-only
// Machines as processes of their own: who runs a guest, and how much processor time it takes from text to text of the guest's console. Linux only: it reads /proc.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../build/paths.mjs';

export const QEMU = 'qemu-system-x86_64';

/** The files and the command line of a guest. @throws if it is not made */
export async function guestFiles(name) {
  const { findGuest } = await import(join(buildFolder, 'src/bfm/guests/find_guest.js'));
  return findGuest(name);
}

/**
 * Commands that run a guest with a console on their standard input and output: interpreted, with hot code compiled, the same under cpuidcount, and on
 * QEMU's TCG if it is installed.
 */
export function machinesOf({ kernel, initrd, disk, commandLine }, memoryMib) {
  const files = ['--kernel', kernel, '--initrd', initrd, ...(disk === undefined ? [] : ['--disk', disk])];
  const bfm = [join(buildFolder, 'src/bfm/main.js'), 'run', ...files, '--append', commandLine];
  bfm.push('--memory', `${memoryMib}M`);
  bfm.push('--pace', 'fast', '--timeout', '36000');
  const qemu = ['-accel', 'tcg', '-m', String(memoryMib), '-display', 'none', '-nodefaults', '-serial', 'stdio'];
  qemu.push('-no-reboot', '-cpu', 'max', '-kernel', kernel, '-initrd', initrd, '-append', commandLine);
  // as with bfm, the file does not change
  if (disk !== undefined) qemu.push('-drive', `file=${disk},format=raw,if=virtio,snapshot=on`);
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

/**
 * Runs a machine to its end. Each mark is a text of the console that ends a part of the run, and what is typed then.
 *
 * @param marks { part, text, type? }, in the order in which they come
 * @returns seconds of each part, the most memory, and what the program reported on standard error @throws if the guest does not come to its end
 */
export function runThrough([command, args], marks) {
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
      if (next === marks.length) done({ seconds, memory, complaint });
      else failed(new Error(`${command} ended before "${marks[next].text}":\n${text.slice(-500)}${complaint}`));
    });
  });
}

const sum = (seconds) => Object.values(seconds).reduce((total, each) => total + each, 0);

/** Runs all machines in turns, so that a load of the computer falls on all of them. @returns by machine the least of each part, and of whole runs */
export async function leastOfRuns(all, marks, runs) {
  const best = {};
  for (let run = 0; run < runs; run++)
    for (const [name, machine] of Object.entries(all)) {
      const { seconds, memory, complaint } = await runThrough(machine, marks);
      const known = (best[name] ??= { seconds: { ...seconds }, total: Infinity, memory, complaint });
      for (const part of Object.keys(seconds)) known.seconds[part] = Math.min(known.seconds[part], seconds[part]);
      known.total = Math.min(known.total, sum(seconds));
      console.error(`bench:peers: ${name}, run ${run + 1} of ${runs}: ${sum(seconds).toFixed(1)} s`);
    }
  return best;
}

/** The least seconds of a part, or of whole runs. */
export const secondsOf = ({ seconds, total }, part) => (part === 'all' ? total : seconds[part]);

export const tableRow = (name, cells, width = 10) =>
  `${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(width)).join('')}`;
