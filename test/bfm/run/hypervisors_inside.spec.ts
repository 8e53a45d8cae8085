// SPDX-License-Identifier: LGPL-2.1-only
// Hypervisors that run as x86 code on the bare machine's VT-x: KVM with QEMU, and Xen, all from Debian's packages. Only `npm run test:full` obtains
// them.
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bfm, type BfmResult } from '../bfm_process.js';
import { bootFile, dependency, gunzipped, obtain } from './debian_packages.js';
import { ramDisk } from './ram_disk.js';

const SECONDS = 900;
const busybox = 'bin/busybox';

/** What QEMU's program for virtual machines without a PC's devices needs: libraries and firmware, by package. */
const qemuPackages = {
  'qemu-system-x86': ['usr/bin/qemu-system-x86_64-microvm'],
  'qemu-system-data': ['usr/share/qemu/qboot.rom', 'usr/share/qemu/linuxboot_dma.bin', 'usr/share/qemu/pvh.bin'],
  libc6: ['libc.so.6', 'libm.so.6', 'ld-linux-x86-64.so.2'],
  'libgcc-s1': ['libgcc_s.so.1'],
  'libglib2.0-0': ['libglib-2.0.so.0'],
  'libpcre2-8-0': ['libpcre2-8.so.0'],
  'libpixman-1-0': ['libpixman-1.so.0'],
  libfdt1: ['libfdt.so.1'],
  zlib1g: ['libz.so.1'],
} as const;

const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'];

/** A library of an unpacked package; some are in /lib and some in /usr/lib. */
function library(unpacked: string, name: string): Buffer {
  const folder = libraryFolders.find((each) => readdirSync(join(unpacked, each)).includes(name));
  if (folder === undefined) throw new Error(`no package has the library ${name}`);
  return readFileSync(join(unpacked, folder, name));
}

/** QEMU as it lies in a RAM disk. */
function qemuFiles(unpacked: string): Record<string, Buffer> {
  const files: Record<string, Buffer> = {};
  for (const path of Object.values(qemuPackages).flat()) {
    if (path.includes('/')) files[path] = readFileSync(join(unpacked, path));
    else files[path.startsWith('ld-') ? `lib64/${path}` : `lib/${path}`] = library(unpacked, path);
  }
  return files;
}

/** The modules of KVM for Intel processors, without the folders of the kernel's version. */
function kvmModules(unpacked: string): Record<string, Buffer> {
  const root = join(unpacked, 'lib/modules');
  const kernel = join(root, readdirSync(root)[0]!, 'kernel');
  const paths = ['virt/lib/irqbypass.ko', 'arch/x86/kvm/kvm.ko', 'arch/x86/kvm/kvm-intel.ko'];
  return Object.fromEntries(paths.map((path, i) => [`modules/${i}.ko`, readFileSync(join(kernel, path))]));
}

/** Digest of the text that `seq 1 1000` prints. */
const digest = createHash('md5')
  .update(Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join(''))
  .digest('hex');

const init = (...lines: readonly string[]): string => ['#!/bin/busybox sh', ...lines, ''].join('\n');

/** Parameters of kvm_intel that say whether it uses a feature of VT-x. */
const features = [
  'ept',
  'eptad',
  'vpid',
  'unrestricted_guest',
  'vnmi',
  'flexpriority',
  'enable_apicv',
  'pml',
  'preemption_timer',
] as const;

const innerInit = init(
  'echo "inner: $(busybox uname -sr), sum $(busybox seq 1 1000 | busybox md5sum)"',
  'busybox mkdir /proc && busybox mount -t proc proc /proc',
  'echo "inner: $(busybox grep -ow -m1 hypervisor /proc/cpuinfo)"',
  'busybox poweroff -f',
);

const outerInit = init(
  'busybox mkdir /proc /sys /tmp && busybox mount -t proc proc /proc',
  'busybox mount -t sysfs sysfs /sys; busybox mount -t devtmpfs dev /dev',
  'for each in /modules/*; do busybox insmod $each; done',
  `for each in ${features.join(' ')}; do`,
  '  echo "kvm_intel $each $(busybox cat /sys/module/kvm_intel/parameters/$each)"',
  'done',
  'qemu-system-x86_64-microvm -M microvm,accel=kvm -cpu host -m 160 -bios /usr/share/qemu/qboot.rom -nodefaults -no-user-config \\',
  '  -no-reboot -display none -serial stdio -kernel /vmlinuz -initrd /inner -append "console=ttyS0 reboot=t quiet"',
  'echo "outer: QEMU ended with status $?"',
  'busybox poweroff -f',
);

const bare = ['--start', 'off', '--pace', 'fast', '--memory', '1024M', '--json', '--timeout', String(SECONDS)];

/** What a run's report has to have here. */
interface Report {
  readonly outcome: string;
  readonly machine: { readonly exits: Record<string, number> };
}

function reportOf({ status, stdout, stderr }: BfmResult): Report {
  expect(status, stdout + stderr).to.equal(0);
  return JSON.parse(stdout) as Report;
}

describe('Hypervisors inside the machine', function () {
  this.timeout(1000 * (SECONDS + 100));
  let folder: string;
  let shell: Buffer;

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1') this.skip();
    folder = mkdtempSync(join(tmpdir(), 'bfm-inside-'));
    const unpacked = obtain(folder, 'busybox-static');
    if (unpacked === undefined) return this.skip();
    shell = readFileSync(join(unpacked, busybox));
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('QEMU with KVM runs a second Linux to its user space, and both switch off', async function () {
    const kernelPackage = dependency('linux-image-cloud-amd64', /^linux-image-\d/);
    const unpacked = obtain(folder, [kernelPackage, ...Object.keys(qemuPackages)]);
    if (unpacked === undefined) return this.skip();
    const kernel = bootFile(unpacked, 'vmlinuz');
    const inner = gzipSync(ramDisk({ init: innerInit, [busybox]: shell }));
    const disk = join(folder, 'outer.cpio');
    const programs = { ...qemuFiles(unpacked), ...kvmModules(unpacked) };
    writeFileSync(
      disk,
      ramDisk({ init: outerInit, [busybox]: shell, ...programs, vmlinuz: readFileSync(kernel), inner }),
    );
    const result = await bfm('run', '--kernel', kernel, '--initrd', disk, '--append', 'console=ttyS0 quiet', ...bare);
    const { machine } = reportOf(result);
    const shown = result.stderr.replaceAll('\r', '');
    for (const feature of features) expect(shown).to.include(`kvm_intel ${feature} Y\n`);
    expect(shown)
      .to.match(/^inner: Linux \S+-cloud-amd64, sum (\w+)/m)
      .and.include(`sum ${digest}`);
    expect(shown)
      .to.match(/^inner: hypervisor$/m)
      .and.match(/^outer: QEMU ended with status 0$/m);
    // QEMU's serial port, KVM's emulation of the local APIC, and CPUID that KVM answers.
    for (const reason of ['io_instruction', 'ept_misconfiguration', 'cpuid', 'external_interrupt'])
      expect(machine.exits[reason], reason).to.be.above(100);
  });

  it('Xen boots Debian as dom0 to its user space, and dom0 switches off', async function () {
    const xen = obtain(folder, 'xen-hypervisor-4.17-amd64');
    const linux = xen && obtain(folder, dependency('linux-image-amd64', /^linux-image-\d/));
    if (xen === undefined || linux === undefined) return this.skip();
    const dom0Init = init(
      'busybox mkdir /sys && busybox mount -t sysfs sysfs /sys && cd /sys/hypervisor',
      'echo "dom0: $(busybox uname -sr) on $(busybox cat type) $(busybox cat version/major).$(busybox cat version/minor)"',
      'busybox poweroff -f',
    );
    const disk = join(folder, 'dom0.cpio.gz');
    writeFileSync(disk, gzipSync(ramDisk({ init: dom0Init, [busybox]: shell })));
    const modules = ['--initrd', `${bootFile(linux, 'vmlinuz')} dom0 console=hvc0`, '--initrd', disk];
    const append = ['--append', 'com1=115200,8n1 console=com1 dom0_mem=512M'];
    const kernel = gunzipped(bootFile(xen, 'xen-4.17', '.gz'));
    const result = await bfm('run', '--kernel', kernel, ...append, ...modules, ...bare);
    reportOf(result);
    const shown = result.stderr.replaceAll('\r', '');
    expect(shown)
      .to.match(/^dom0: Linux \S+-amd64 on xen 4\.17$/m)
      .and.include('(XEN) HVM: VMX enabled')
      .and.include('(XEN) Entering ACPI S5 state');
  });
});
