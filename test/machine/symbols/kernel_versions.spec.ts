// SPDX-License-Identifier: LGPL-2.1-only
// The names of other kernels and of their modules, against each kernel's own /proc/kallsyms. BAREFLANK_LINUX_KERNELS lists them with colons: each is the
// vmlinuz of an unpacked Debian package, whose modules are below the same folder. `bfm guest debian` gives the shell in which the kernels say their names.
import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { CpioArchive } from '../../../src/bfm/make_guest/cpio_archive.js';
import { KernelModules } from '../../../src/bfm/make_guest/kernel_modules.js';
import { findGuest } from '../../../src/bfm/guests/find_guest.js';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { MachineWithVmm } from '../../../src/session/machine_with_vmm.js';
import { LINKED_TEXT } from './made_up_linux.js';

const kernels = (process.env.BAREFLANK_LINUX_KERNELS ?? '').split(':').filter((path) => path !== '');
/** They need others, in each of the kernels that were tried. */
const loaded = ['virtio_rng', 'vmw_vsock_virtio_transport'];
const END = 'no more names';

/** Prints one kernel symbol in 500 that has its address for itself, and all symbols of the modules that are code. */
const init = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
for m in $($b cat /test/modules); do $b insmod /test/$m.ko; done
echo 0 > /proc/sys/kernel/kptr_restrict
$b awk '/\\[/ { if ($2 ~ /[tT]/) print; next }
  $1 >= "ffffffff80000000" { if (a != $1 && a != z && ++n % 500 == 0) print line; z = a; a = $1; line = $0 }' /proc/kallsyms
$b echo ${END}
$b sleep 1000000
`;

/** A name of /proc/kallsyms, as the machine says it. */
const LINE = /^([0-9a-f]{16}) \w (\S+)(?:\s+(\[\w+\]))?\r?$/gm;

/** The folder of the modules of a kernel: /lib/modules/VERSION of the folder into which its package was unpacked. */
function modulesOf(kernel: string): string {
  if (existsSync(join(dirname(kernel), 'kernel'))) return dirname(kernel);
  return join(dirname(dirname(kernel)), 'lib', 'modules', basename(kernel).replace(/^vmlinuz-/, ''));
}

async function ramDisk(kernel: string, work: string): Promise<Buffer> {
  const archive = new CpioArchive();
  const modules = await new KernelModules(modulesOf(kernel), {
    folder: work,
    signal: new AbortController().signal,
  }).withNeeds(loaded);
  for (const { name, bytes } of modules) archive.file(`test/${name}.ko`, bytes);
  archive.file('test/modules', modules.map(({ name }) => name).join('\n'));
  archive.file('init', init, 0o755);
  // Linux unpacks one archive over the other.
  return Buffer.concat([readFileSync(findGuest('debian').initrd!), archive.bytes()]);
}

describe('The names of other kernels', () => {
  let work: string;

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1' || kernels.length === 0) this.skip();
    work = mkdtempSync(join(tmpdir(), 'bareflank-kernels-'));
  });

  after(() => {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  });

  async function listed(kernel: string, processors: number): Promise<MachineWithVmm> {
    const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
    const machine = await MachineWithVmm.create({
      coreModule,
      memoryBytes: 512 << 20,
      processors,
      source: moduleFiles,
    });
    machine.boot({
      kernel: { name: 'vmlinuz', bytes: readFileSync(kernel) },
      modules: [{ name: 'initrd', bytes: await ramDisk(kernel, work), arguments: '' }],
      append: 'console=ttyS0 quiet',
    });
    while (machine.run(50_000_000) === undefined && !machine.output.includes(END));
    return machine;
  }

  for (const kernel of kernels.length > 0 ? kernels : ['vmlinuz'])
    for (const processors of [1, 4])
      it(`are those of its /proc/kallsyms (${basename(kernel)} of ${modulesOf(kernel).replace(/^.*\//, '')}, processors: ${processors})`, async () => {
        using machine = await listed(kernel, processors);
        const { output, pc } = machine;
        const symbols = pc.symbols.own;
        const lines = [...output.matchAll(LINE)];
        // A function of a module may have two names, and the first one is found.
        const said = new Map<bigint, string[]>();
        for (const [, digits, name, module] of lines) {
          const address = BigInt(`0x${digits}`);
          said.set(address, [...(said.get(address) ?? []), module === undefined ? name! : `${name!} ${module}`]);
        }
        for (const [address, names] of said) expect(symbols.nameOf(address)).to.equal(names[0]);
        const ofModules = lines.filter(([, , , module]) => module !== undefined);
        expect(ofModules.length, output.slice(-2000)).to.be.greaterThan(20);
        expect(lines.length - ofModules.length, output.slice(-2000)).to.be.greaterThan(100);
        expect(symbols.addressOf('_text'), 'KASLR').to.be.a('bigint').and.not.equal(LINKED_TEXT);
      });
});
