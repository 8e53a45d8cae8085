// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CoreRunner } from '../core_runner.js';
import { probeHost } from './host_probe.js';
import { quirkSources, type QuirkName } from './host_quirks.js';
import { InjectedHost } from './injected_host.js';
import { knownHosts } from './known_hosts.js';
import { NoReferenceError } from './no_reference_error.js';

const seed = 20200101;

describe('probeHost', () => {
  let core: CoreRunner;
  before(async () => {
    core = await CoreRunner.create(seed);
  });

  for (const { name, quirks } of knownHosts)
    it(`recognises ${name}`, () => {
      expect(probeHost(new InjectedHost(quirks, core, seed), quirks.vendor, seed)).to.deep.equal(quirks);
    });

  it('recognises each value of each quirk', () => {
    const { quirks } = knownHosts[0]!;
    for (const quirk of Object.keys(quirkSources) as QuirkName[])
      for (const value of Object.keys(quirkSources[quirk])) {
        const host = { ...quirks, [quirk]: value };
        expect(probeHost(new InjectedHost(host, core, seed), host.vendor, seed)).to.deep.equal(host);
      }
  });
  it('refuses a host that shows none of the known values, and names the quirk and what it saw', () => {
    const reference = new InjectedHost(knownHosts[0]!.quirks, core, seed);
    const odd = {
      run: (...[cases]: Parameters<typeof reference.run>) =>
        reference.run(cases).map((result) => (result.vector === 1 ? { ...result, rip: 0x123n } : result)),
    };
    expect(() => probeHost(odd, 'Intel', seed)).to.throw(NoReferenceError, /int1Rip is neither .*RIP 123h/);
  });
});
