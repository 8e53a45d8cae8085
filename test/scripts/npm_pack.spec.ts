// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const typescript = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** Links what `npm install` would install with the package: its dependencies and theirs, nothing that only we need. */
function linkDependencies(nodeModules: string): void {
  const lock = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as LockFile;
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined || dev === true || devOptional === true) continue;
    mkdirSync(dirname(join(nodeModules, name)), { recursive: true });
    symlinkSync(join(packageRoot, path), join(nodeModules, name));
  }
}

describe('npm pack', function () {
  this.timeout(240_000); // the compiler runs twice over the framework's declarations
  let bin: string;

  before(() => {
    // A copy: the checkout itself may be read-only.
    const staged = join(folder.path, 'staged');
    const { files } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { files: string[] };
    for (const part of [...files, 'package.json', 'README.md', 'LICENSE'].map((name) => name.replace(/\/\*.*$/, '')))
      if (!part.startsWith('!') && existsSync(join(packageRoot, part)))
        cpSync(join(packageRoot, part), join(staged, part), { recursive: true });
    const declarations = [
      '-p',
      join(packageRoot, 'tsconfig.declarations.json'),
      '--outDir',
      join(staged, 'build/types'),
    ];
    execFileSync(process.execPath, [typescript, ...declarations]);
    const destination = ['--pack-destination', folder.path, '--cache', join(folder.path, 'npm')];
    const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', ...destination], {
      cwd: staged,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    execFileSync('tar', ['xzf', filename], { cwd: folder.path });
    const nodeModules = join(folder.path, 'node_modules');
    linkDependencies(nodeModules);
    cpSync(join(folder.path, 'package'), join(nodeModules, 'bareflank'), { recursive: true });
    bin = join(nodeModules, 'bareflank', 'bin', 'bfm.mjs');
  });

  const bfm = (...args: string[]) =>
    spawnSync(process.execPath, [bin, ...args], { cwd: folder.path, encoding: 'utf8' });

  it('carries the built core and guests: an extension runs by name without sources', () => {
    const run = bfm('run', '--guest', 'cpuid', '--append', '100', '-m', 'cpuidcount', '--json');
    expect(run.status, run.stderr).to.equal(0);
    const { machine } = JSON.parse(run.stdout) as { machine: { exits: Record<string, number> } };
    expect(machine.exits['cpuid']).to.equal(100);
  });

  it('gives editors the types of a new extension, and of code that imports the package', () => {
    const made = bfm('new', 'extension', 'packed');
    expect(made.status, made.stderr).to.equal(0);
    folder.write(
      'hypervisor_packed/names.ts',
      `import { CpuidAccessors, VmcsContribution, vcpuModule, type Vmcs } from 'bareflank';
       import { inject, injectable } from 'inversify';
       @injectable()
       class Names implements VmcsContribution {
         @inject(CpuidAccessors) readonly cpuid!: CpuidAccessors;
         readonly name = 'names';
         setUp(vmcs: Vmcs): void {
           vmcs.guestCr4.set(vmcs.guestCr4.get());
         }
       }
       export default vcpuModule(({ bind }) => bind(VmcsContribution).to(Names));\n`,
    );
    folder.write(
      'hypervisor_packed/wrong.ts',
      `import type { Vmcs } from 'bareflank';\nexport const wrong = (vmcs: Vmcs) => vmcs.guestCr5;\n`,
    );
    const tsc = spawnSync(process.execPath, [typescript, '-p', join(folder.path, 'hypervisor_packed')], {
      encoding: 'utf8',
    });
    expect(tsc.stdout)
      .to.match(/wrong\.ts\(2,\d+\): error TS2551: .*guestCr5/)
      .and.not.include('TS2307');
    expect(tsc.stdout.trim().split('\n')).to.have.length(1);
    const test = bfm('test', 'hypervisor_packed/packed.spec.ts');
    expect(test.status, test.stdout + test.stderr).to.equal(0);
  });
});
