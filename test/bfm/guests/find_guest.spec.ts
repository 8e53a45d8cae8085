// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { findGuest } from '../../../src/bfm/guests/find_guest.js';
import { GuestCache } from '../../../src/bfm/guests/guest_cache.js';
import { guestCatalog } from '../../../src/bfm/guests/guest_catalog.js';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

describe('findGuest', () => {
  const emptyCache = (): GuestCache => new GuestCache(join(mkdtempSync(join(folder.path, 'cache-')), 'bareflank'));

  it('finds our own guests, which need no command line and no RAM disk', () => {
    const { kernel, ...rest } = findGuest('cpuid', emptyCache());
    expect(existsSync(kernel)).to.equal(true);
    expect(rest).to.deep.equal({ commandLine: '' });
  });

  it('names the command that makes a guest which is not there', () => {
    expect(() => findGuest('debian', emptyCache()))
      .to.throw(GuestError, /--guest debian: it has not been made on this computer yet; bfm guest debian makes it/)
      .with.nested.property('details.advice', 'bfm guest debian makes it');
  });

  it('finds a guest that was made, with its RAM disk and its command line', async () => {
    const cache = emptyCache();
    await cache.keep(guestCatalog.debian, async (into) => {
      for (const name of ['vmlinuz', 'initrd']) writeFileSync(join(into, name), name, { mode: 0o600 });
      return [];
    });
    const { kernel, initrd, commandLine } = findGuest('debian', cache);
    expect([kernel, initrd].map((path) => existsSync(path!))).to.deep.equal([true, true]);
    expect(commandLine).to.match(/^console=ttyS0 /);
  });

  it('finds the disk of a guest that has one, and the memory that it needs', async () => {
    const cache = emptyCache();
    await cache.keep(guestCatalog['debian-disk'], async (into) => {
      for (const name of ['vmlinuz', 'initrd', 'disk.img']) writeFileSync(join(into, name), name);
      return [];
    });
    const { disk, memory } = findGuest('debian-disk', cache);
    expect(existsSync(disk!)).to.equal(true);
    expect(memory).to.equal('512M');
  });

  it('lists all guests if there is none of that name', () => {
    for (const name of ['nobody', '../guests/cpuid', 'constructor'])
      expect(() => findGuest(name, emptyCache())).to.throw(UsageError, /no such guest; known guests: .*cpuid.*debian/);
  });
});
