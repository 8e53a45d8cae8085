// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { renameSync, rmSync } from 'node:fs';
import { ModuleWatcher } from '../../../src/bfm/watch/module_watcher.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const moduleOf = (text: string): string => `
  import { vcpuModule } from 'bareflank';
  import { value } from './part.js';
  export default vcpuModule(() => { void [value, ${text}]; });`;

describe('ModuleWatcher', () => {
  const folder = temporaryFolder();
  let watcher: ModuleWatcher | undefined;
  afterEach(() => watcher?.[Symbol.dispose]());

  /** What a watcher tells, one after the other. */
  async function started(...files: string[]) {
    const told: string[] = [];
    let wake = (): void => {};
    const tell = (what: string): void => {
      told.push(what);
      wake();
    };
    watcher = await ModuleWatcher.start(files, {
      changed: () => tell('changed'),
      failed: (error) => tell(String(error)),
    });
    return async (): Promise<string> => {
      while (told.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return told.shift()!;
    };
  }

  const begin = (name: string): string => {
    folder.write(`${name}/part.ts`, 'export const value = 1;');
    return folder.write(`${name}/module.ts`, moduleOf('1'));
  };

  it('hears of a file that is written, of one that is replaced, and of what a module imports', async () => {
    const file = begin('written');
    const next = await started(file);
    folder.write('written/module.ts', moduleOf('2'));
    expect(await next()).to.equal('changed');
    renameSync(folder.write('written/new', moduleOf('3')), file);
    expect(await next()).to.equal('changed');
    rmSync(file);
    folder.write('written/module.ts', moduleOf('4'));
    expect(await next()).to.equal('changed');
    folder.write('written/part.ts', 'export const value = 2;');
    expect(await next()).to.equal('changed');
  });

  it('hears of no file that does not matter, nor of one that is saved as it was', async () => {
    const file = begin('same');
    const next = await started(file);
    folder.write('same/notes', 'text');
    folder.write('same/module.ts', moduleOf('1'));
    folder.write('same/module.ts', `${moduleOf('1')}\n// a comment is no code\n`);
    folder.write('same/module.ts', moduleOf('2'));
    expect(await next()).to.equal('changed');
    folder.write('same/module.ts', 'class {');
    expect(await next()).to.match(/module\.ts:1:7: Expected identifier/);
  });

  it('tells of code that does not compile once, and goes on', async () => {
    const next = await started(begin('broken'));
    folder.write('broken/module.ts', 'class {');
    expect(await next()).to.match(/module\.ts:1:7: Expected identifier/);
    folder.write('broken/module.ts', moduleOf('1').replace('./part.js', './missing.js'));
    expect(await next()).to.match(/Could not resolve "\.\/missing\.js"/);
    folder.write('broken/missing.ts', 'export const value = 3;');
    expect(await next()).to.equal('changed');
  });

  it('hears of a module that a list names', async () => {
    const [one, two] = [begin('one'), begin('two')];
    const list = folder.write('all.modules', JSON.stringify({ modules: [one] }));
    const next = await started(list);
    folder.write('all.modules', JSON.stringify({ modules: [one, two] }));
    expect(await next()).to.equal('changed');
    folder.write('two/module.ts', moduleOf('2'));
    expect(await next()).to.equal('changed');
  });

  it('begins with a module that does not compile, of which its loader tells', async () => {
    const file = folder.write('late/module.ts', 'class {');
    const next = await started(file);
    begin('late');
    expect(await next()).to.equal('changed');
  });
});
