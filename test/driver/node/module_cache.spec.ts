// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import sinon from 'sinon';
import { DriverError } from '../../../src/driver/driver_errors.js';
import { userFrames } from '../../../src/driver/node/user_frames.js';
import { loadModule } from '../../../src/driver/node/load_module.js';
import { ModuleCache } from '../../../src/driver/node/module_cache.js';
import type { PartModule } from '../../../src/vmm/container/part_module.js';
import { inputsOf } from './inputs_of.js';
import { temporaryFolder } from './temporary_folder.js';
import { withSourceMaps } from './with_source_maps.js';

const folder = temporaryFolder();

/** Makes everything on the disk look like another user's. */
function asAnotherUser(): void {
  const own = process.getuid!();
  sinon.stub(process, 'getuid').returns(own + 1);
}

describe('ModuleCache', () => {
  let home: string;
  let source: string;
  let before: Readonly<Record<string, string | undefined>>;
  let tests = 0;
  const cache = (): ModuleCache => new ModuleCache('salt', join(home, 'bareflank'));
  const files = (): string[] => readdirSync(join(home, 'bareflank'));

  beforeEach(() => {
    before = { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME, TMPDIR: process.env.TMPDIR };
    home = join(folder.path, `home${++tests}`);
    mkdirSync(home);
    source = folder.write('source.ts', 'the source');
  });
  afterEach(() => {
    sinon.restore();
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('finds what it kept, until a source changes', () => {
    const { path } = cache().keep(source, inputsOf(source), 'the bundle');
    expect(cache().find(source)?.path).to.equal(path);
    expect(readFileSync(path, 'utf8')).to.equal('the bundle');
    writeFileSync(source, 'another source');
    expect(cache().find(source)).to.equal(undefined);
  });

  it('finds no bundle for a source that changed after the bundler had read it', () => {
    const inputs = inputsOf(source);
    writeFileSync(source, 'another source');
    cache().keep(source, inputs, 'the bundle of the old source');
    expect(cache().find(source)).to.equal(undefined);
    writeFileSync(source, 'the source');
    expect(cache().find(source)?.inputs).to.deep.equal([source]);
  });

  it('makes the folder of caches too, but not the home', () => {
    const folderOf = (name: string): string => join(home, name, '.cache', 'bareflank');
    mkdirSync(join(home, 'someone'));
    new ModuleCache('salt', folderOf('someone')).keep(source, inputsOf(source), 'the bundle');
    expect(statSync(folderOf('someone')).mode & 0o777).to.equal(0o700);
    using bundle = new ModuleCache('salt', folderOf('nobody')).keep(source, inputsOf(source), 'the bundle');
    expect(existsSync(join(home, 'nobody'))).to.equal(false);
    expect(bundle.path.startsWith(home)).to.equal(false);
  });

  it('makes folder and files for their owner only', () => {
    cache().keep(source, inputsOf(source), 'the bundle');
    expect(statSync(join(home, 'bareflank')).mode & 0o777).to.equal(0o700);
    for (const name of files()) expect(statSync(join(home, 'bareflank', name)).mode & 0o777, name).to.equal(0o600);
  });

  for (const [what, spoil] of [
    ['a folder that others can enter', () => chmodSync(join(home, 'bareflank'), 0o777)],
    ['a folder of another user', asAnotherUser],
    [
      'a bundle that others can write',
      () => files().forEach((name) => chmodSync(join(home, 'bareflank', name), 0o666)),
    ],
    [
      'a bundle outside its folder',
      () => {
        const entry = join(
          home,
          'bareflank',
          files().find((name) => name.endsWith('.json'))!,
        );
        const { inputs } = JSON.parse(readFileSync(entry, 'utf8')) as { inputs: object };
        writeFileSync(entry, JSON.stringify({ inputs, bundle: '../../source.ts' }));
      },
    ],
    [
      'an entry that was cut off',
      () => files().forEach((name) => name.endsWith('.json') && writeFileSync(join(home, 'bareflank', name), '{')),
    ],
  ] as const)
    it(`never gives the bundle of ${what}`, () => {
      cache().keep(source, inputsOf(source), 'the bundle');
      spoil();
      expect(cache().find(source)).to.equal(undefined);
    });

  it('neither reads nor writes through a link', () => {
    mkdirSync(join(home, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(home, 'elsewhere'), join(home, 'bareflank'));
    using bundle = cache().keep(source, inputsOf(source), 'the bundle');
    expect(readdirSync(join(home, 'elsewhere'))).to.deep.equal([]);
    expect(existsSync(bundle.path)).to.equal(true);
    expect(cache().find(source)).to.equal(undefined);
  });

  it('writes to a private temporary folder, which ends with the use, if there is no cache', () => {
    writeFileSync(join(home, 'bareflank'), 'a file where the folder should be');
    const bundle = cache().keep(source, inputsOf(source), 'the bundle');
    const temporary = join(bundle.path, '..');
    expect(statSync(temporary).mode & 0o777).to.equal(0o700);
    expect(readFileSync(bundle.path, 'utf8')).to.equal('the bundle');
    bundle[Symbol.dispose]();
    expect(existsSync(temporary)).to.equal(false);
  });

  it('says which folders it tried if none can be written', () => {
    writeFileSync(join(home, 'bareflank'), '');
    process.env.TMPDIR = join(home, 'nowhere');
    expect(() => cache().keep(source, inputsOf(source), 'the bundle')).to.throw(
      DriverError,
      /^a bundled module cannot be written anywhere: .*bareflank.*nowhere/,
    );
  });

  describe('under loadModule', () => {
    withSourceMaps();
    const module = `import { vmmModule } from 'bareflank';

export const fail = vmmModule(() => {
  throw new Error('not today');
});`;
    const frameOf = (loaded: readonly PartModule[]): string | undefined => {
      try {
        loaded[0]!.record('x');
      } catch (error) {
        return userFrames(error)[0];
      }
      return undefined;
    };

    for (const [what, make] of [
      ['from the cache', () => {}],
      ['without a cache', () => writeFileSync(join(home, 'bareflank'), '')],
    ] as const)
      it(`frames name the user's file and line, ${what}`, async () => {
        process.env.XDG_CACHE_HOME = home;
        make();
        const file = folder.write(`${what.replaceAll(' ', '_')}.ts`, module);
        for (const round of ['first', 'again'])
          expect(frameOf((await loadModule(file)).modules), round).to.match(new RegExp(`${file}:4:9`));
      });

    it('evaluates nothing that another user put where the cache is', async () => {
      process.env.XDG_CACHE_HOME = home;
      const file = folder.write(
        'mine.ts',
        `import { vmmModule } from 'bareflank'; export default vmmModule(() => {});`,
      );
      await loadModule(file);
      for (const name of files())
        if (name.endsWith('.mjs')) writeFileSync(join(home, 'bareflank', name), `throw new Error('evil');`);
      asAnotherUser();
      expect((await loadModule(file)).modules).to.have.length(1);
    });
  });
});
