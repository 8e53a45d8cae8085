// SPDX-License-Identifier: LGPL-2.1-only
// Debian's stock kernel as the guest of a hypervisor. CI downloads it (.ci/run); elsewhere name a vmlinuz in BAREFLANK_DEBIAN_KERNEL.
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../architecture/source_files.js';

interface Report {
  readonly outcome: string;
  readonly machine: { readonly exits: Record<string, number>; readonly instructions: number };
  readonly extensions: Record<string, Record<string, number>>;
}

interface Boot {
  readonly status: number | null;
  readonly console: string;
  readonly report: Report;
}

/** Seconds after which a boot counts as hung; the long tests boot further. */
const longest = process.env.BAREFLANK_FULL === '1' ? '1800' : '100';

function boot(kernel: string, options: readonly string[], until = 'Linux version'): Boot {
  const args = ['bin/bfm.mjs', 'run', '--kernel', kernel, '--memory', '512M', '--until', until, '--json'];
  args.push('--append', 'earlyprintk=serial,ttyS0,115200 console=ttyS0', '--timeout', longest, ...options);
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  const console = stderr
    .split('\n')
    .filter((line) => !line.startsWith('vmm: ') && !line.startsWith('bfm: '))
    .join('\n');
  return { status, console, report: JSON.parse(stdout) as Report };
}

/** What Linux prints when processors do not come up, or when their clocks differ. */
const complaint =
  /Firmware Bug|WARNING: CPU|TSC.*(unstable|differs|warp)|clocksource:.*unstable|not respond|stuck|stall/i;

/** The examples that are for any guest: not those with a planted mistake. */
function exampleModules(): string[] {
  return readdirSync(join(root, 'extensions'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.startsWith('hypervisor_example_') && path.endsWith('.modules'))
    .filter((path) => !/^hypervisor_example_(fuzzing|racing_hook)/.test(path))
    .map((path) => join('extensions', path));
}

describe("Debian's kernel", () => {
  const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';

  before(function () {
    if (kernel !== '') return;
    if (process.env.CI === 'true') throw new Error('CI must name a kernel in BAREFLANK_DEBIAN_KERNEL');
    this.skip();
  });

  it('boots to its banner under cpuidcount, which counts what the machine counts', () => {
    const { status, console, report } = boot(kernel, [
      '-m',
      'extensions/hypervisor_example_cpuidcount/cpuidcount.modules',
    ]);
    expect(status).to.equal(0);
    expect(console).to.contain('Linux version');
    expect(report.extensions.cpuidcount!.count).to.equal(report.machine.exits.cpuid).and.to.be.above(10);
  });

  it('boots to the same banner under all examples together', () => {
    const modules = exampleModules();
    const { status, console, report } = boot(kernel, ['-m', ...modules]);
    expect(modules).to.have.length(11);
    expect(status).to.equal(0);
    expect(console).to.contain('Linux version');
    expect(report.machine.exits.rdmsr ?? 0, 'MSR exits').to.equal(0);
  });

  it('finds a mitigation for each weakness that it looks for, on each processor model, with and without a VMM', () => {
    const lastLine = 'x86/fpu: Enabled xstate features';
    for (const options of [[], ['--cpu', 'cascadelake-server'], ['-m', 'cpuidcount']]) {
      const { status, console } = boot(kernel, options, lastLine);
      expect(status, options.join(' ')).to.equal(0);
      expect(console, options.join(' ')).to.match(/Spectre V2 : Mitigation: .*IBRS/);
      expect(console, options.join(' ')).to.not.match(/vulnerable/i);
    }
  });

  it('prints the same on the bare machine, after as many instructions', () => {
    const bare = boot(kernel, ['--start', 'off']);
    const guest = boot(kernel, ['-m', 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules']);
    expect(bare.status).to.equal(0);
    expect(bare.console).to.equal(guest.console);
    expect(bare.report.machine.instructions).to.equal(guest.report.machine.instructions);
  });

  it('brings up four processors of one package, without a complaint about clocks or processors', function () {
    if (process.env.BAREFLANK_FULL !== '1') this.skip();
    const { status, console } = boot(kernel, ['--start', 'off', '--cpus', '4'], 'Switched to clocksource tsc\r');
    expect(status).to.equal(0);
    expect(console).to.contain('smp: Brought up 1 node, 4 CPUs').and.to.contain('smpboot: Max logical packages: 1');
    expect(console.split('\n').filter((line) => complaint.test(line))).to.deep.equal([]);
  });

  for (const [start, until] of [
    [['--start', 'boot'], 'clocksource: Switched to clocksource tsc\r'],
    [['--start-at', 'Switched to clocksource tsc-early'], 'Unable to mount root'],
  ] as const) {
    it(`brings up four processors under cpuidcount, ${start.join(' ')}`, function () {
      if (process.env.BAREFLANK_FULL !== '1') this.skip();
      const options = ['-m', 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules', '--cpus', '4', ...start];
      const { status, console, report } = boot(kernel, options, until);
      expect(status).to.equal(0);
      expect(console).to.contain('smp: Brought up 1 node, 4 CPUs');
      expect(console.split('\n').filter((line) => complaint.test(line))).to.deep.equal([]);
      expect(report.extensions.cpuidcount!.count).to.equal(report.machine.exits.cpuid).and.to.be.above(10);
    });
  }

  it('finds the root bridge by ACPI, the entropy device and each disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bareflank-disk-'));
    try {
      const disk = join(folder, 'disk.img');
      writeFileSync(disk, Buffer.alloc(512));
      const { status, console } = boot(kernel, ['--disk', disk, '--disk', disk], 'pci 0000:00:03.0: BAR 1');
      expect(status).to.equal(0);
      expect(console).to.contain('ACPI: PCI Root Bridge [PCI0]');
      expect(console).to.match(/00:01\.0: \[1af4:1044\][^]*00:02\.0: \[1af4:1042\][^]*00:03\.0: \[1af4:1042\]/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
