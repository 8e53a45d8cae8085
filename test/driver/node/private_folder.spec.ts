// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import sinon from 'sinon';
import { isOwnFile, whyNotPrivateFolder } from '../../../src/driver/node/private_folder.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();

/** Makes everything on the disk look like another user's. */
function asAnotherUser(): void {
  const own = process.getuid!();
  sinon.stub(process, 'getuid').returns(own + 1);
}

describe('private_folder', () => {
  let path: string;
  beforeEach(() => {
    path = join(folder.path, 'private');
    mkdirSync(path, { recursive: true, mode: 0o700 });
  });
  afterEach(() => sinon.restore());

  describe('whyNotPrivateFolder', () => {
    it('says nothing of a folder that only its owner can enter', () => {
      expect(whyNotPrivateFolder(path)).to.equal(undefined);
    });

    it('refuses a folder of another user', () => {
      asAnotherUser();
      expect(whyNotPrivateFolder(path)).to.match(/private belongs to user \d+, not to you \(\d+\)$/);
    });

    for (const mode of [0o701, 0o710, 0o740, 0o777])
      it(`refuses mode 0${mode.toString(8)}`, () => {
        chmodSync(path, mode);
        expect(whyNotPrivateFolder(path)).to.match(/has mode 0\d+: .*chmod 700/);
        chmodSync(path, 0o700);
      });

    it('refuses a link and a file', () => {
      symlinkSync(path, join(folder.path, 'link'));
      expect(whyNotPrivateFolder(join(folder.path, 'link'))).to.match(/link is not a folder/);
      expect(whyNotPrivateFolder(folder.write('file', ''))).to.match(/file is not a folder/);
    });
  });

  describe('isOwnFile', () => {
    it('is true for a file that only its owner can write', () => {
      const file = folder.write('own', '');
      chmodSync(file, 0o644);
      expect(isOwnFile(file)).to.equal(true);
    });

    it("is false for another user's file, one that others can write, a link, a folder and nothing", () => {
      const file = folder.write('open', '');
      chmodSync(file, 0o622);
      symlinkSync(folder.write('target', ''), join(folder.path, 'leads_there'));
      for (const name of ['open', 'leads_there', 'private', 'nothing'])
        expect(isOwnFile(join(folder.path, name)), name).to.equal(false);
      chmodSync(file, 0o600);
      asAnotherUser();
      expect(isOwnFile(file)).to.equal(false);
    });
  });
});
