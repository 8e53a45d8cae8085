// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { stub } from 'sinon';
import { FORMS_FILE, packForms, SiteTier } from '../../../src/site/machine/site_tier.js';
import { readForms } from '../../support/compiled_tier.js';
import { ownGuest } from './node_surroundings.js';
import { TriedService } from './tried_service.js';

describe('SiteTier', () => {
  it('has nothing to compile from until the file has come', async () => {
    const tier = new SiteTier();
    const asked: string[] = [];
    const { forms } = tier.options!;
    expect(forms()).to.equal(undefined);
    await tier.fetch((address) => Promise.resolve((asked.push(address), packForms(readForms()))));
    expect(asked).to.deep.equal([FORMS_FILE]);
    expect(forms()!.region).to.be.greaterThan(0);
  });

  it('compiles nothing on a site without the file, and in a browser without tail calls', async () => {
    const tier = new SiteTier();
    await tier.fetch(() => Promise.reject(new Error('404')));
    expect(tier.options!.forms()).to.equal(undefined);
    const validate = stub(WebAssembly, 'validate').returns(false);
    try {
      expect(tier.options).to.equal(undefined);
    } finally {
      validate.restore();
    }
  });

  it('compiles hot code of a machine in a page, and its state stays the same', async () => {
    const guest = ownGuest('bench_processors', '');
    const guests = { with: new TriedService(), without: new TriedService() };
    guests.with.files.set(FORMS_FILE, packForms(readForms()));
    const results = [];
    for (const tried of [guests.with, guests.without]) {
      await tried.request('boot', { guest: { ...guest, memoryBytes: 64 << 20 }, processors: 2 });
      await tried.until(() => tried.heard.first('ended') !== undefined);
      results.push(await tried.request('hash', {}));
    }
    const [compiled, interpreted] = results;
    expect(compiled!.compiled / compiled!.instructions).to.be.greaterThan(0.5);
    expect(interpreted!.compiled).to.equal(0);
    expect([compiled!.hash, compiled!.instructions]).to.deep.equal([interpreted!.hash, interpreted!.instructions]);
  });
});
