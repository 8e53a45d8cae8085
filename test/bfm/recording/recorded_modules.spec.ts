// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { modulePathsOf, recordedModulesOf } from '../../../src/bfm/recording/recorded_modules.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

describe('The modules of a recording', () => {
  it('are those of sources and lists, each once, by their real paths', () => {
    const [one, two] = ['one.ts', 'two.ts'].map((name) => folder.write(name, 'export {};'));
    const list = folder.write('both.modules', '{"modules": ["two.ts", "one.ts"]}');
    symlinkSync(one!, join(folder.path, 'link.ts'));
    expect(modulePathsOf([one!, list, join(folder.path, 'link.ts')])).to.deep.equal([one, two]);
  });

  it('have a hash of what they are made from, and not of where they are', async () => {
    const here = folder.write('here/a.ts', "import { x } from './b.js';\nexport const y: number = x;");
    const there = folder.write('there/a.ts', "import { x } from './b.js';\nexport const y: number = x;");
    for (const place of ['here', 'there']) folder.write(`${place}/b.ts`, 'export const x = 1;');
    const [first] = await recordedModulesOf([here], true);
    const [second] = await recordedModulesOf([there], false);
    expect(second).to.deep.equal({ path: there, sha256: first!.sha256 });
    expect(first!.code).to.be.a('string');
    folder.write('there/b.ts', 'export const x = 2;');
    expect((await recordedModulesOf([there], false))[0]!.sha256).to.not.equal(first!.sha256);
  });
});
