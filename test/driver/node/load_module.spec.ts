// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { ModuleFileError } from '../../../src/driver/driver_errors.js';
import { userFrames } from '../../../src/driver/node/user_frames.js';
import { loadModule } from '../../../src/driver/node/load_module.js';
import * as bareflank from '../../../src/index.js';
import { SecondCopyError } from '../../../src/vmm/container/load_errors.js';
import { PartModule } from '../../../src/vmm/container/part_module.js';
import { temporaryFolder } from './temporary_folder.js';
import { withSourceMaps } from './with_source_maps.js';

const folder = temporaryFolder();

async function failure(file: string): Promise<Error> {
  return loadModule(file).then(
    () => {
      throw new Error('it loaded');
    },
    (error: unknown) => error as Error,
  );
}

describe('loadModule', () => {
  withSourceMaps();

  it('leaves the stack traces of its process as they are', async () => {
    process.setSourceMapsEnabled(false);
    await loadModule(
      folder.write('quiet.ts', "import { vmmModule } from 'bareflank'; export default vmmModule(() => {});"),
    );
    const { stack } = new Error('here');
    process.setSourceMapsEnabled(true);
    expect(stack, 'built files, not sources').to.match(/load_module\.spec\.js:/);
  });

  it('loads TypeScript out of tree: one instance of the framework, decorators, no package.json and no tsconfig', async () => {
    const file = folder.write(
      'outside.ts',
      `import { ExitHandler, ExitHandlerIntelX64, extension, vcpuModule } from 'bareflank';
       import { inject } from 'inversify';
       import { helper } from './helper.js';
       @extension()
       export class Mine extends ExitHandlerIntelX64 { @inject(ExitHandler) part!: unknown; label: string = helper; }
       export const base = ExitHandlerIntelX64;
       export default vcpuModule(({ rebind }) => rebind(ExitHandler).to(Mine));`,
    );
    folder.write('helper.ts', `export const helper: string = 'from another file';`);
    const { modules } = await loadModule(file);
    expect(modules).to.have.length(1);
    expect(modules[0]).to.be.instanceOf(PartModule);
    const [record] = modules[0]!.record('x');
    const type = (record!.target as { type: new () => { label: string } }).type;
    expect(new type().label).to.equal('from another file');
    expect(Object.getPrototypeOf(type), "the base is the running copy's class").to.equal(bareflank.ExitHandlerIntelX64);
  });

  it('gives the same module for the same file while there is a cache, and a new one when an imported file changes', async () => {
    const file = folder.write(
      'changing.ts',
      `import { vmmModule } from 'bareflank'; import { value } from './value.js'; export { value }; export default vmmModule(() => { void value; });`,
    );
    folder.write('value.ts', 'export const value = 1;');
    const { XDG_CACHE_HOME } = process.env;
    process.env.XDG_CACHE_HOME = join(folder.path, 'cache');
    try {
      const [first] = (await loadModule(file)).modules;
      expect((await loadModule(file)).modules[0]).to.equal(first);
      folder.write('value.ts', 'export const value = 2;');
      expect((await loadModule(file)).modules[0]).to.not.equal(first);
    } finally {
      if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
    }
  });

  it('evaluates a file again where that is asked for, with the same hash', async () => {
    const file = folder.write(
      'variable.ts',
      `import { vmmModule } from 'bareflank'; export default vmmModule(() => {});`,
    );
    const [first, fresh] = [await loadModule(file), await loadModule(file, true)];
    expect(fresh.modules[0]).to.be.instanceOf(PartModule);
    expect(fresh.modules[0]).to.not.equal(first.modules[0]);
    expect(fresh.hash)
      .to.equal(first.hash)
      .and.to.match(/^[0-9a-f]{64}$/);
  });

  it('takes all modules of a file, each once', async () => {
    const file = folder.write(
      'many.ts',
      `import { vcpuModule, vmmModule } from 'bareflank';
       export const one = vmmModule(() => {}); export const two = vcpuModule(() => {}); export default one; export const other = 5;`,
    );
    expect((await loadModule(file)).modules.map((module) => module.scope).sort()).to.deep.equal(['vcpu', 'vmm']);
  });

  it('says file, line and column of a syntax error', async () => {
    const file = folder.write(
      'broken.ts',
      `import { vmmModule } from 'bareflank';\n\nexport default vmmModule(( => {});\n`,
    );
    const error = await failure(file);
    expect(error).to.be.instanceOf(ModuleFileError);
    expect(error.message).to.match(/^\/.*broken\.ts:3:28: .*Unexpected "=>"/);
  });

  it('says which import cannot be found', async () => {
    const file = folder.write('lost.ts', `import './nowhere.js';\nexport {};`);
    expect((await failure(file)).message).to.match(/lost\.ts:1:8: Could not resolve "\.\/nowhere\.js"/);
  });

  it('says that a module cannot use Node, and which names the framework does not export', async () => {
    const node = folder.write('node.ts', `import fs from 'node:fs';\nfs.readFileSync('/etc/passwd');`);
    expect((await failure(node)).message).to.match(
      /node\.ts:1:16: 'node:fs' is a module of Node, .*import from bareflank/,
    );
    const misspelt = folder.write('misspelt.ts', `import { bfinfos } from 'bareflank';\nbfinfos\`x\`;`);
    expect((await failure(misspelt)).message).to.match(/misspelt\.ts: 'bareflank' has no export named 'bfinfos'$/);
  });

  it('says that a file of another kind is not one of TypeScript', async () => {
    expect((await failure(folder.write('read.me', '# read'))).message).to.match(
      /read\.me: its name is not that of a TypeScript or JavaScript file/,
    );
  });

  it('refuses deep imports of the framework', async () => {
    const file = folder.write(
      'deep.ts',
      `import { VmmContainer } from 'bareflank/src/vmm/container/vmm_container.js';\nexport { VmmContainer };`,
    );
    expect((await failure(file)).message).to.match(/deep\.ts:1:30: 'bareflank\/src.*is not public/);
  });

  it('names a file that does not exist', async () => {
    expect((await failure('/nowhere/at/all.ts')).message).to.equal('module /nowhere/at/all.ts does not exist');
  });

  it('says that a file is not a module, and what it exports', async () => {
    const nothing = folder.write('nothing.ts', 'const x = 1; void x;');
    const other = folder.write('other.ts', 'export const value = 1; export default class {}');
    expect((await failure(nothing)).message).to.match(
      /nothing\.ts is not a module: none of its exports \(it has none\)/,
    );
    expect((await failure(other)).message).to.match(
      /other\.ts is not a module.*default, value.*vmmModule\(\) or vcpuModule\(\)/,
    );
  });

  it('passes on what a module throws while it is evaluated, with its file', async () => {
    const file = folder.write('throwing.ts', `export const x: number = 1;\nthrow new Error('not today');`);
    const error = await failure(file);
    expect(error).to.be.instanceOf(ModuleFileError);
    expect(error.message).to.match(/throwing\.ts: it threw while it was loaded: Error: not today/);
    expect(userFrames(error)[0], 'the user’s own line, by the source map').to.match(/throwing\.ts:2:7/);
  });

  it('knows modules of another copy', async () => {
    const file = folder.write(
      'copied.ts',
      `export default { [Symbol.for('bareflank.PartModule')]: true, scope: 'vmm', record: () => [] };`,
    );
    const error = await failure(file);
    expect(error).to.be.instanceOf(SecondCopyError);
    expect(error.message).to.include('copied.ts').and.to.include('index.js');
  });
});
