// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { LinkError } from '../../../src/bfm/link/link_error.js';
import { SiteFolder } from '../../../src/bfm/link/site_folder.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const guest = { name: 'debian', id: '0123456789abcdef', snapshot: 'snapshots/debian' };
const site = (name: string, catalog: unknown): string => {
  folder.write(`${name}/site.json`, typeof catalog === 'string' ? catalog : JSON.stringify(catalog));
  return join(folder.path, name);
};

describe('SiteFolder', () => {
  it('finds the guest of a run and the bundles of extensions', () => {
    const path = site('whole', { guests: [guest], extensions: [{ name: 'one', bundle: 'one.js', title: 'more' }] });
    folder.write('whole/one.js', 'export {};');
    const it = new SiteFolder(path);
    expect(it.guest(guest.id)).to.deep.equal(guest);
    expect(it.extensions()).to.deep.equal([{ name: 'one', code: 'export {};' }]);
  });

  it('names the guests that there are instead', () => {
    const it = new SiteFolder(site('other', { guests: [guest], extensions: [] }));
    expect(() => it.guest('f'.repeat(16))).to.throw(
      LinkError,
      /the site has not the guest f{16} of this run; it has: debian \(0123456789abcdef\); npm run site makes a site/,
    );
  });

  it('refuses a folder without a site, a damaged one, and files outside it', () => {
    expect(() => new SiteFolder(join(folder.path, 'none'))).to.throw(LinkError, /ENOENT.*npm run site makes a site/);
    for (const text of ['{', '{"guests":1}'])
      expect(() => new SiteFolder(site('damaged', text))).to.throw(LinkError, 'site.json is damaged');
    const it = new SiteFolder(site('kept', { guests: [], extensions: [] }));
    for (const address of ['../secret', '/etc/passwd'])
      expect(() => it.file(address)).to.throw(LinkError, `${address} is outside the site`);
  });
});
