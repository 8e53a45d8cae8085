// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');

/** The code block that follows the mention of a file. */
function blockOf(name: string, language: string): string {
  const after = readme.slice(readme.indexOf(`\`${name}\`:`));
  return new RegExp('```' + language + '\n([^]*?)```').exec(after)![1]!;
}

describe('README.md', () => {
  /** What the first extension counted under a command of the README. */
  function leavesUnder(command: string): readonly number[] {
    folder.write('hello/hello.ts', blockOf('hello/hello.ts', 'ts'));
    folder.write('hello/hello.modules', blockOf('hello/hello.modules', 'json'));
    const args = [...command.split(' '), '--json'];
    const output = execFileSync(process.execPath, [join(packageRoot, 'bin', 'bfm.mjs'), ...args], {
      cwd: folder.path,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { machine, extensions } = JSON.parse(output) as {
      machine: { exits: Record<string, number> };
      extensions: Record<string, Record<string, number>>;
    };
    expect(machine.exits.cpuid).to.equal(1000);
    return Object.values(extensions['leaf-count']!);
  }

  it("'s first extension runs out of tree, exactly as printed", function () {
    this.timeout(120_000);
    const counts = leavesUnder(/npx bfm (run .*-m hello\/hello\.modules)$/m.exec(readme)![1]!);
    expect(counts, 'the counts that the README promises').to.have.length.greaterThan(10);
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(1000);
  });

  it("'s first extension has the parameter that the README sets, exactly as printed", function () {
    this.timeout(120_000);
    expect(leavesUnder(/npx bfm (run .*-m hello\/hello\.modules --set .*)$/m.exec(readme)![1]!)).to.have.length(10);
  });

  it("'s other runs of our own guests end well", function () {
    this.timeout(120_000);
    const commands = [...readme.matchAll(/^ {4}npx bfm (run --guest .*)$/gm)].map(([, command]) => command!);
    // Guests that `bfm guest` makes are not there by themselves: test/bfm/make_guest/debian_boots.spec.ts makes and boots them.
    const own = commands.filter((command) => !command.includes('--guest debian'));
    const whole = own.filter((command) => !command.includes('hello/') || command.includes('hello/names.ts'));
    expect(whole).to.have.length(2);
    folder.write('hello/names.ts', blockOf('hello/names.ts', 'ts'));
    for (const command of whole) {
      const args = [join(packageRoot, 'bin', 'bfm.mjs'), ...command.split(' ')];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder.path, encoding: 'utf8' });
      expect(status, `${command}\n${stderr}`).to.equal(0);
    }
  });

  it("'s accessors by name run out of tree, exactly as printed", function () {
    this.timeout(120_000);
    folder.write('hello/names.ts', blockOf('hello/names.ts', 'ts'));
    const { stderr } = spawnSync(
      process.execPath,
      [join(packageRoot, 'bin', 'bfm.mjs'), ...'run --guest cpuid --append 1 -m hello/names.ts'.split(' ')],
      { cwd: folder.path, encoding: 'utf8' },
    );
    expect(stderr)
      .to.include('vmm: HLT exits: true, VMX: true')
      .and.to.match(/vmm: VMCS revision \d+, TSC multiplier 0\n/)
      .and.to.match(/vmm: guest_cr4 +0x\w+\nvmm: {5}\w+/);
  });

  it("'s session with a machine in the background runs exactly as printed", () => {
    const session = /A session:\n\n((?: {4}.*\n)+)/.exec(readme)![1]!;
    // Without bin/bfm.mjs, which looks at each command whether something must be built.
    const commands = session.replaceAll(
      'npx bfm',
      `"${process.execPath}" "${join(buildFolder, 'src', 'bfm', 'main.js')}"`,
    );
    const output = execFileSync('bash', ['-e'], {
      input: commands,
      encoding: 'utf8',
      env: { ...process.env, XDG_RUNTIME_DIR: folder.path },
    });
    expect(output)
      .to.include('BAREFLANK_VERSION_MAJOR: 0x1')
      .and.to.include('received from vmm: hello')
      .and.to.match(/received from vmm: \n\[\n {4}\d+\n\]/)
      .and.to.include('success: host os is now in a vm on vcpuid = 0');
  });
});
