// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Container } from 'inversify';
import { inversifyFile, packageRoot } from '../../src/driver/node/package_paths.js';

interface Script {
  readonly inversifyFile: string;
  importInversify(code: string, target: string): string;
}

describe('InversifyJS as one file', () => {
  let script: Script;

  before(async () => {
    const url = pathToFileURL(join(packageRoot, 'scripts', 'build', 'inversify.mjs')).href;
    script = (await import(url)) as Script;
  });

  it('is at one place for the build and for those who load modules', () => {
    expect(script.inversifyFile).to.equal(inversifyFile);
  });

  it('is what the built modules import, this one too', async () => {
    const own = (await import(pathToFileURL(inversifyFile).href)) as { Container: unknown };
    expect(own.Container).to.equal(Container);
  });

  it('imports nothing: a CommonJS module costs more than all the rest', () => {
    const text = readFileSync(inversifyFile, 'utf8');
    expect(text).not.to.match(/^import\b/m);
    expect(text, 'the licence of reflect-metadata').to.include('Licensed under the Apache License, Version 2.0');
  });

  it('has all names of the package', async () => {
    const own = (await import(pathToFileURL(inversifyFile).href)) as object;
    const name = 'inversify';
    expect(Object.keys(own)).to.deep.equal(Object.keys((await import(name)) as object));
  });

  it('replaces the package in imports of each form, and nothing else', () => {
    const target = join(script.inversifyFile, '..', '..', 'src', 'a', 'b.js');
    const code = [
      'import { a } from "./a.js"; const x = 1;',
      'import { inject } from "inversify";',
      'import "reflect-metadata/lite";',
      'import {\n  one,\n  two\n} from "inversify";',
      'import * as all from "inversify";',
      'import { z } from "zod";',
      'const text = `import { inject } from "inversify";`;',
      '',
    ].join('\n');
    const wanted = code
      .split('const text')[0]!
      .replaceAll(/"(inversify|reflect-metadata\/lite)"/g, '"../../vendor/inversify.js"');
    expect(script.importInversify(code, target)).to.equal(`${wanted}const text${code.split('const text')[1]}`);
  });
});
