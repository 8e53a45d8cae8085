// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ModuleListError } from '../../../src/driver/driver_errors.js';
import { readModuleList } from '../../../src/driver/node/module_list.js';
import { buildFolder, packageRoot } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();

describe('readModuleList', () => {
  it('gives real paths, relative to the file, each once', () => {
    const a = folder.write('list/a.ts', '');
    const b = folder.write('b.ts', '');
    symlinkSync(a, join(folder.path, 'list', 'link.ts'));
    const file = folder.write('list/x.modules', JSON.stringify({ modules: ['a.ts', '../b.ts', './a.ts', 'link.ts'] }));
    expect(readModuleList(file)).to.deep.equal([realpathSync(a), realpathSync(b)]);
  });

  it('knows %HYPER_ABS% and %BUILD_ABS%', () => {
    const file = folder.write(
      'macros.modules',
      JSON.stringify({ modules: ['%HYPER_ABS%/package.json', '%BUILD_ABS%/src/index.js'] }),
    );
    expect(readModuleList(file)).to.deep.equal([
      realpathSync(join(packageRoot, 'package.json')),
      realpathSync(join(buildFolder, 'src', 'index.js')),
    ]);
  });

  it('takes an empty list: the base VMM is implicit', () => {
    expect(readModuleList(folder.write('empty.modules', '{"modules": []}'))).to.deep.equal([]);
  });

  const bad: [string, string, RegExp][] = [
    ['a text that is not JSON', '{\n  "modules": [ nonsense ]\n}', /bad\.modules:2:16: this is not JSON: /],
    ['an empty file', '', /bad\.modules.*not JSON/],
    [
      'the wrong shape',
      '["a.ts"]',
      /bad\.modules is not a list of modules, \{"modules".*: the whole: found a list of 1, expected an object; correct the file$/,
    ],
    ['no list', '{}', /: modules: found nothing, expected a list; correct the file$/],
    ['null', 'null', /: the whole: found null, expected an object; correct the file$/],
    ['a module that is not a text', '{"modules": [5]}', /: modules\.0: found 5, expected a text; correct the file$/],
    ['a module without a name', '{"modules": ["a", ""]}', /: modules\.1: found "", expected at least 1 characters;/],
    ['other keys', '{"modules": [], "extra": 1}', /: the whole: found "extra", expected no such field; correct/],
    [
      'more than three flaws',
      '{"modules": [1, 2, 3, 4, 5]}',
      /modules\.0: .*; modules\.1: .*; modules\.2: found 3, expected a text; and 2 more; correct the file$/,
    ],
    [
      'a file that does not exist',
      '{"modules": ["missing.ts"]}',
      /bad\.modules names 'missing\.ts', but .*missing\.ts does not exist/,
    ],
  ];
  for (const [what, text, message] of bad) {
    it(`names the file: ${what}`, () => {
      expect(() => readModuleList(folder.write('bad.modules', text))).to.throw(ModuleListError, message);
    });
  }

  it('names a list that cannot be read', () => {
    expect(() => readModuleList('/nowhere/x.modules')).to.throw(
      ModuleListError,
      /\/nowhere\/x\.modules cannot be read/,
    );
  });

  it('does not wait for what a pipe might say', () => {
    const pipe = join(folder.path, 'pipe.modules');
    execFileSync('mkfifo', [pipe]);
    expect(() => readModuleList(pipe)).to.throw(
      ModuleListError,
      /pipe\.modules cannot be read: it is a pipe, not a file/,
    );
  });
});
