// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { loadModule, portableBundle } from '../../../src/driver/node/load_module.js';
import { portableCode, sha256 } from '../../../src/driver/node/portable_bundle.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();
const source = (text: string): string =>
  `import { vmmModule } from 'bareflank';
   import { injectable } from 'inversify';
   export const made = [${text}, injectable, new Date().getTime(), Math.random()];
   export default vmmModule(() => {});`;

describe('portableCode', () => {
  it('has names for the places of the running copy, and no source map', () => {
    const bundle = 'import { a } from "file:///here/index.js";\na();\n//# sourceMappingURL=data:x';
    const { code, sha256: hash } = portableCode(bundle, new Map([['file:///here/index.js', 'bareflank']]));
    expect(code).to.equal('import { a } from "bareflank";\na();');
    expect(hash).to.equal(sha256(code));
  });
});

describe('portableBundle', () => {
  it('has the hash by which a loaded module is known, and no path of this computer', async () => {
    const file = folder.write('module.ts', source('1'));
    const { code, sha256: hash } = await portableBundle(file);
    expect((await loadModule(file)).hash).to.equal(hash);
    expect(code).to.include('from "bareflank"').and.to.include('from "inversify"');
    expect(code).to.not.include('file:').and.to.not.include(folder.path);
    expect((await portableBundle(folder.write('other.ts', source('2')))).sha256).to.not.equal(hash);
  });

  it('can be loaded, also where there are no sources', async () => {
    const { code } = await portableBundle(folder.write('module.ts', source('1')));
    expect((await loadModule(folder.write('elsewhere.mjs', code))).modules).to.have.length(1);
  });
});
