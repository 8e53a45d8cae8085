// SPDX-License-Identifier: LGPL-2.1-only
// Runs a disk image on Bochs 2.7, without a display, and returns what the guest wrote to port E9H.
import { spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const CYLINDER_BYTES = 16 * 63 * 512;
const SHARE = '/usr/share/bochs';

/** Bochs's program, undefined if it is not installed (Debian: packages bochs and bochsbios). */
export function findBochs(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const program = folders.map((folder) => join(folder, 'bochs-bin')).find((path) => existsSync(path));
  return existsSync(join(SHARE, 'BIOS-bochs-latest')) ? program : undefined;
}

/** A processor with VT-x, no sound, no display that anybody must connect to. */
function configuration(disk: string): string {
  return [
    'megs: 64',
    `romimage: file=${SHARE}/BIOS-bochs-latest`,
    `vgaromimage: file=${SHARE}/VGABIOS-lgpl-latest`,
    `ata0-master: type=disk, path=${disk}, mode=flat, cylinders=${statSync(disk).size / CYLINDER_BYTES}, heads=16, spt=63`,
    'boot: disk',
    'cpu: model=corei7_skylake_x, count=1, ignore_bad_msrs=0, ips=200000000, reset_on_triple_fault=0',
    'clock: sync=none',
    'port_e9_hack: enabled=1',
    'display_library: rfb, options="timeout=0"',
    'log: bochs.log',
    'panic: action=report',
    'error: action=report',
    'info: action=report',
    'sound: driver=dummy',
    '',
  ].join('\n');
}

/** Runs Bochs until the guest uses its shutdown port. @param seconds after which it is killed. @returns its standard output. */
export async function runOnBochs(program: string, image: string, seconds: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'vmx_probe-'));
  try {
    const disk = join(folder, 'disk.img');
    copyFileSync(image, disk);
    writeFileSync(join(folder, 'bochsrc'), configuration(disk));
    // The debugger build asks what to do: continue, and quit when the guest is done.
    writeFileSync(join(folder, 'commands'), 'c\nq\n');
    const output = join(folder, 'output');
    const file = openSync(output, 'w');
    const child = spawn(program, ['-q', '-f', 'bochsrc', '-rc', 'commands'], {
      cwd: folder,
      stdio: ['ignore', file, 'ignore'],
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
    });
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve());
    });
    closeSync(file);
    return readFileSync(output, 'latin1');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
