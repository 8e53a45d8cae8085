// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { matchModules, RestoreError } from '../../src/driver/saved_driver.js';

const module = (file: string, hash: string) => ({ file, hash: hash.repeat(64) });

describe('matchModules', () => {
  it('finds modules by their hashes, wherever they are, in the order of the saved ones', () => {
    const saved = [module('a.ts', '1'), module('b.ts', '2'), module('c.ts', '1')];
    const loaded = [module('x.ts', '1'), module('y.ts', '1'), module('z.ts', '2')];
    expect(matchModules(saved, loaded).map(({ file }) => file)).to.deep.equal(['x.ts', 'z.ts', 'y.ts']);
  });

  it('names what is missing and what is one too many', () => {
    const saved = [module('a.ts', '1'), module('b.ts', '2')];
    expect(() => matchModules(saved, [module('x.ts', '1'), module('y.ts', '3')]))
      .to.throw(RestoreError)
      .with.property('message')
      .that.matches(/needs b\.ts \(sha256 222222222222…\), which was not given\n {2}it does not have y\.ts \(sha256 3/);
  });
});
