// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ModuleListError } from '../../../src/driver/driver_errors.js';
import {
  extensionFolders,
  extensionNames,
  isExtensionName,
  isFolder,
  knownModuleFiles,
  moduleFileOf,
  moduleFilesIn,
} from '../../../src/driver/node/extension_files.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();
const own = join(packageRoot, 'extensions/hypervisor_example_cpuidcount');
const file = join(own, 'cpuidcount.modules');

describe('extensionFolders', () => {
  it("has the package's extensions, and given folders with their subfolders", () => {
    folder.write('mine/one/x.modules', '{}');
    const folders = extensionFolders([join(folder.path, 'mine')]);
    expect(folders).to.include(own);
    expect(folders.slice(-2)).to.deep.equal([join(folder.path, 'mine'), join(folder.path, 'mine/one')]);
  });

  it('has a folder once that two paths lead to', () => {
    const link = join(folder.path, 'link');
    symlinkSync(join(packageRoot, 'extensions'), link);
    const folders = extensionFolders([link]);
    expect(folders).to.include(own).and.to.not.include(join(link, 'hypervisor_example_cpuidcount'));
    expect(folders.at(-1)).to.equal(link);
  });
});

describe('knownModuleFiles', () => {
  it('has the lists in these folders, in order', () => {
    const [b, a] = [folder.write('lists/b.modules', '{}'), folder.write('lists/a.modules', '{}')];
    folder.write('lists/c.ts', '');
    expect(moduleFilesIn(join(folder.path, 'lists'))).to.deep.equal([a, b]);
    expect(knownModuleFiles([join(folder.path, 'lists')])).to.include.members([a, b, file]);
  });
});

describe('extensionNames', () => {
  it('are those of the file and of its folder', () => {
    expect(extensionNames(file)).to.deep.equal([
      'cpuidcount',
      'cpuidcount',
      'cpuidcount.modules',
      'hypervisor_example_cpuidcount',
    ]);
  });
});

describe('isFolder', () => {
  it('tells folders from files and from nothing', () => {
    expect([own, file, join(own, 'nothing')].map(isFolder)).to.deep.equal([true, false, false]);
  });
});

describe('moduleFileOf', () => {
  it('finds an extension by its name, and leaves a path', () => {
    expect([moduleFileOf('cpuidcount'), moduleFileOf('hypervisor_example_cpuidcount')]).to.deep.equal([file, file]);
    expect(['./cpuidcount', 'a/b.ts', 'cpuidcount.modules'].map(moduleFileOf)).to.deep.equal([
      './cpuidcount',
      'a/b.ts',
      'cpuidcount.modules',
    ]);
    expect(['cpuidcount', 'a.ts', 'a/b'].map(isExtensionName)).to.deep.equal([true, false, false]);
  });

  it('names the extensions that there are if none has the name', () => {
    expect(() => moduleFileOf('no_extension_of_this_name')).to.throw(
      ModuleListError,
      /^no extension has the name no_extension_of_this_name; give the path of a module file, or one of: .*cpuidcount/,
    );
  });
});
