// SPDX-License-Identifier: LGPL-2.1-only
// Debian's stock kernel under an extension that uses all of extended_apis. CI names a kernel; elsewhere set BAREFLANK_DEBIAN_KERNEL to a vmlinuz.
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { root } from '../../architecture/source_files.js';

interface Report {
  readonly machine: { readonly exits: Record<string, number> };
  readonly extensions: Record<string, Record<string, number>>;
}

function boot(kernel: string, options: readonly string[]) {
  const args = ['bin/bfm.mjs', 'run', '--kernel', kernel, '--memory', '512M', '--until', 'Linux version', '--json'];
  args.push('--append', 'earlyprintk=serial,ttyS0,115200 console=ttyS0', '--timeout', '100', ...options);
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  const console = stderr.split('\n').filter((line) => !line.startsWith('vmm: ') && !line.startsWith('bfm: '));
  return { status, console: console.join('\n'), report: JSON.parse(stdout) as Report };
}

describe("Debian's kernel with extended_apis", () => {
  const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';

  before(function () {
    if (kernel !== '') return;
    if (process.env.CI === 'true') throw new Error('CI must name a kernel in BAREFLANK_DEBIAN_KERNEL');
    this.skip();
  });

  it('boots to the same banner on the extension’s own map, with VPID and its console’s port trapped', function () {
    this.timeout(240_000);
    const plain = boot(kernel, []);
    const modules = 'test/extensions/hypervisor_extended_apis/use_of_extended_apis.modules';
    const { status, console, report } = boot(kernel, ['-m', modules]);
    expect(status).to.equal(0);
    expect(console).to.equal(plain.console).and.to.include('Linux version');
    const { io_instruction: io, monitor_trap_flag: steps, ...others } = report.machine.exits;
    expect(report.extensions['use-of-eapis']).to.include({ io });
    expect(io, 'each byte of the banner').to.be.above('Linux version'.length);
    // It ends in the midst of an access at most.
    expect(steps).to.be.within(io! - 1, io!);
    expect(others).to.not.include.keys('ept_violation', 'ept_misconfiguration', 'wrmsr');
  });
});
