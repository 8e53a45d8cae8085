// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { endedFromInside } from '../../../src/bfm/worker/ended_worker.js';

describe('endedFromInside', () => {
  it('says what was going on, with which status, and what to do', () => {
    const { message, details } = endedFromInside(3, 'the loading of module /x/y.ts');
    expect(message).to.match(/with status 3, during the loading of module \/x\/y\.ts: do not call process\.exit/);
    expect(details).to.include({ where: 'the loading of module /x/y.ts', found: 'process.exit(3)' });
  });

  it('names an extension in general if it was in the middle of the guest', () => {
    const { message, details } = endedFromInside(7, undefined);
    expect(message).to.match(/with status 7: do not call/);
    expect(details.where).to.equal('code of an extension');
  });
});
