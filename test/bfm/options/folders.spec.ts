// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { findModuleFile, moduleName } from '../../../src/bfm/options/folders.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

describe('moduleName', () => {
  it('is the name by which -m finds the file', () => {
    for (const name of ['cpuidcount', 'vpid', 'extended_apis'])
      expect(moduleName(findModuleFile(name, [])), name).to.equal(name);
  });

  it('is the path of a file that no name leads to', () => {
    const file = folder.write('mine.modules', '{}');
    expect(moduleName(file)).to.equal(file);
    const source = join(packageRoot, 'extensions/hypervisor_example_vpid/vpid_contribution.ts');
    expect(moduleName(source), 'a source that a list names').to.equal(source);
  });
});
