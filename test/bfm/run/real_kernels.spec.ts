// SPDX-License-Identifier: LGPL-2.1-only
// Kernels that nobody here wrote, from Debian's packages, each by the loader that it needs. Only `npm run test:full` obtains them.
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bfm } from '../bfm_process.js';
import { bootFile, dependency, gunzipped, missing, obtain, output } from './debian_packages.js';

const SECONDS = 400;
/** Options of apt-get for packages of the architecture i386, with lists of its own below the folder. */
function i386Options(folder: string): string[] {
  const root = join(folder, 'i386');
  for (const each of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(root, each), { recursive: true });
  writeFileSync(join(root, 'status'), '');
  const settings = {
    'Dir::State': join(root, 'state'),
    'Dir::State::status': join(root, 'status'),
    'Dir::Cache': join(root, 'cache'),
    'APT::Architecture': 'i386',
    'APT::Architectures': 'i386',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Debian's newest 32-bit kernel with PAE, unpacked, or undefined if it cannot be had. */
function obtainPae(folder: string): string | undefined {
  const options = i386Options(folder);
  // It also fails if one list of many is missing. The next command tells whether the package is in those that came.
  output('apt-get', [...options, 'update']);
  return obtain(folder, dependency('linux-image-686-pae', /-686-pae$/, options), options);
}

/** Offsets in the setup header of a bzImage. */
const payload = { setupSectors: 0x1f1, offset: 0x248, length: 0x24c } as const;

/** The ELF kernel that a bzImage unpacks, in a file next to it, or undefined if there is no xz here. */
function elfInside(path: string): string | undefined {
  const image = readFileSync(path);
  const start = (image[payload.setupSectors]! + 1) * 512 + image.readUInt32LE(payload.offset);
  const packed = image.subarray(start, start + image.readUInt32LE(payload.length));
  const { status, stdout } = spawnSync('xz', ['-dc', '--single-stream'], { input: packed, maxBuffer: 2 ** 28 });
  if (status !== 0) {
    missing('there is no xz here that unpacks the kernel');
    return undefined;
  }
  writeFileSync(`${path}.elf`, stdout);
  return `${path}.elf`;
}

/** Runs a kernel until its console shows a text. @returns all that the console showed, without carriage returns. */
async function consoleUntil(text: string, kernel: string, ...options: readonly string[]): Promise<string> {
  const common = ['--until', text, '--timeout', String(SECONDS), '--start', 'off', '--pace', 'fast'];
  const { status, stdout, stderr } = await bfm('run', '--kernel', kernel, ...common, ...options);
  expect(status, stdout + stderr).to.equal(0);
  return stdout.replaceAll('\r', '');
}

describe('Kernels from Debian', function () {
  this.timeout(1000 * (SECONDS + 100));
  let folder: string;
  let memtest: string | undefined;

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1') this.skip();
    folder = mkdtempSync(join(tmpdir(), 'bfm-kernels-'));
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('GNU Mach prints its banner and the string of each module', async function () {
    const unpacked = obtain(folder, 'gnumach-image-1.8-486');
    if (unpacked === undefined) return this.skip();
    const kernel = gunzipped(bootFile(unpacked, 'gnumach', '.gz'));
    const modules = ['--initrd', `${kernel} first --second=$(x)`, '--initrd', kernel];
    const shown = await consoleUntil('multiboot modules', kernel, '--append', 'console=com0', ...modules);
    expect(shown)
      .to.match(/^GNU Mach 1\.8/)
      .and.include('biosmem: 000000000000100000:000000000010000000, available');
    expect(shown).to.match(/module 0: gnumach\S* first --second=\$\(x\)\nmodule 1: gnumach\S*\n2 multiboot/);
  });

  it('Xen prints its first lines and the memory map of multiboot', async function () {
    const unpacked = obtain(folder, 'xen-hypervisor-4.17-amd64');
    if (unpacked === undefined) return this.skip();
    const kernel = gunzipped(bootFile(unpacked, 'xen-4.17', '.gz'));
    const append = ['--append', 'com1=115200,8n1 console=com1'];
    const shown = await consoleUntil('ACPI: RSDP 000F0000', kernel, ...append, '--initrd', `${kernel} dom0`);
    expect(shown).to.include('(XEN) Bootloader: bareflank').and.include('(XEN) Multiboot-e820 RAM map:');
    expect(shown).to.include('[0000000000000000, 000000000009fbff] (usable)');
  });

  for (const [bits, name] of [
    [64, 'memtest86+x64.bin'],
    [32, 'memtest86+ia32.bin'],
  ] as const) {
    it(`memtest86+ of ${bits} bits tests memory`, async function () {
      const unpacked = (memtest ??= obtain(folder, 'memtest86+'));
      if (unpacked === undefined) return this.skip();
      const shown = await consoleUntil(
        'Moving inversions',
        bootFile(unpacked, name),
        '--append',
        'console=ttyS0,115200',
      );
      expect(shown).to.include('Memtest86+ v').and.include('Address test').and.include('4MB of 255MB');
    });
  }

  describe('linux-image-686-pae', () => {
    let kernel: string;
    const append = ['--append', 'console=ttyS0 earlyprintk=serial,ttyS0,115200', '--memory', '512M'];

    before(function () {
      const unpacked = obtainPae(folder);
      if (unpacked === undefined) return this.skip();
      kernel = bootFile(unpacked, 'vmlinuz');
    });

    it('enters a PAE kernel by the 32-bit boot protocol, and it looks for its root file system', async () => {
      const shown = await consoleUntil('Unable to mount root fs', kernel, ...append);
      expect(shown)
        .to.match(/Linux version \S+-686-pae/)
        .and.include('NX (Execute Disable) protection: active');
    });

    it('enters the ELF kernel inside by its PVH note, with a RAM disk', async function () {
      const elf = elfInside(kernel);
      if (elf === undefined) return this.skip();
      const shown = await consoleUntil('ACPI: Using ACPI', elf, ...append, '--initrd', `${kernel} x`);
      expect(shown)
        .to.match(/Linux version \S+-686-pae/)
        .and.match(/RAMDISK: \[mem /);
    });
  });
});
