// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { reloadLine } from '../../../src/bfm/worker/reload_line.js';

describe('reloadLine', () => {
  it('says if nothing has changed, and what has', () => {
    expect(reloadLine({ changed: [], added: [], removed: [] })).to.equal('reloaded; the code has not changed');
    expect(reloadLine({ changed: [], added: ['a'], removed: ['b', 'c'] })).to.equal(
      'reloaded; the code has not changed; new contributions: a; gone: b, c',
    );
  });

  it('names files below the current folder as people type them', () => {
    const changed = [`${process.cwd()}/one/two.ts`, '/elsewhere/three.ts'];
    expect(reloadLine({ changed, added: [], removed: [] })).to.equal(
      'reloaded; new code: one/two.ts, /elsewhere/three.ts',
    );
  });
});
