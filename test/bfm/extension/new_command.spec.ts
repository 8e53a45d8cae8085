// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

function bfm(...args: string[]) {
  const bin = join(packageRoot, 'bin', 'bfm.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('bfm new extension', () => {
  it('makes a folder that type-checks, loads and passes its own test', function () {
    this.timeout(180_000); // five processes, one of them tsc over the framework's sources
    const made = bfm('new', 'extension', 'my_first');
    expect(made.stdout, 'commands that can be pasted').to.match(
      /\n {2}node \S+bfm\.mjs run .*\n {2}node \S+bfm\.mjs test /,
    );
    expect(made, made.stderr).to.include({ status: 0 });
    const own = join(folder.path, 'hypervisor_my_first');
    expect(readdirSync(own).sort()).to.deep.equal([
      '.vscode',
      'README.md',
      'my_first.modules',
      'my_first.spec.ts',
      'my_first.ts',
      'tsconfig.json',
    ]);
    const readme = readFileSync(join(own, 'README.md'), 'utf8');
    expect(readme, 'npx finds bfm in the package, and would download another one elsewhere').to.include(
      `Type these commands in ${packageRoot}`,
    );
    expect(readme).to.include(`-m ${own}/my_first.modules`);
    const launch = JSON.parse(readFileSync(join(own, '.vscode/launch.json'), 'utf8')) as { configurations: object[] };
    expect(launch.configurations).to.have.length(2);
    expect(launch.configurations[0]).to.include({ type: 'node', request: 'attach', port: 9229 });
    expect(launch.configurations[1]).to.include({ type: 'cppdbg', miDebuggerServerAddress: 'localhost:1234' });
    // An extension that injects imports inversify, and its spec may import sinon: the editor must find their types too.
    folder.write(
      'hypervisor_my_first/injected.ts',
      `import { CpuidAccessors } from 'bareflank';
       import { inject, injectable } from 'inversify';
       import { stub } from 'sinon';
       @injectable()
       export class Injected {
         @inject(CpuidAccessors) readonly cpuid!: CpuidAccessors;
         readonly stub = stub();
       }\n`,
    );
    const tsc = spawnSync(
      process.execPath,
      [join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', own],
      { encoding: 'utf8' },
    );
    expect(tsc.stdout).to.equal('');
    const run = bfm(
      'run',
      '--guest',
      'cpuid',
      '--append',
      '50',
      '-m',
      'hypervisor_my_first/my_first.modules',
      '--json',
    );
    expect(run.status, run.stderr).to.equal(0);
    const { extensions } = JSON.parse(run.stdout) as { extensions: unknown };
    expect(extensions).to.deep.equal({ my_first: { count: 50 } });
    const test = bfm('test', 'hypervisor_my_first/my_first.spec.ts');
    expect(test.status, test.stdout + test.stderr).to.equal(0);
    expect(test.stdout).to.include('1 passing');
  });

  it('refuses a name of another kind, and a folder that exists', () => {
    expect(bfm('new', 'extension', 'My-First')).to.include({ status: 2 });
    bfm('new', 'extension', 'twice');
    const again = bfm('new', 'extension', 'twice');
    expect(again.status).to.equal(1);
    expect(again.stderr).to.match(/hypervisor_twice exists already/);
  });
});

describe('bfm test', () => {
  it('fails with a failing spec, and says line and column of a syntax error', () => {
    const failing = folder.write(
      'failing.spec.ts',
      `import { expect } from 'chai';\nit('fails', () => { expect(1).to.equal(2); });\n`,
    );
    expect(bfm('test', failing).status).to.equal(1);
    const broken = bfm('test', folder.write('broken.spec.ts', 'it((\n'));
    expect(broken.status).to.equal(1);
    expect(broken.stderr).to.match(/broken\.spec\.ts:2:\d+: /);
    expect(bfm('test', 'nowhere.spec.ts').stderr).to.match(/nowhere\.spec\.ts does not exist/);
  });
});
