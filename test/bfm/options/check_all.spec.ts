// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FaultsError } from '../../../src/bfm/failures/faults_error.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { problemOf } from '../../../src/bfm/failures/problem.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { checkAll, checkEach } from '../../../src/bfm/options/check_all.js';

const fails = (error: Error) => (): never => {
  throw error;
};
/** What a check throws. */
function thrown(check: () => unknown): unknown {
  try {
    check();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}
const usage = (text: string): UsageError => new UsageError(text, { details: { where: text } });

describe('checkAll', () => {
  it('gives the values, by name', () => {
    expect(checkAll({ one: () => 1, text: () => 'x' })).to.deep.equal({ one: 1, text: 'x' });
    expect(checkEach(['a', 'b'], (text) => `${text}!`)).to.deep.equal(['a!', 'b!']);
  });

  it('throws the only fault as it is', () => {
    const error = usage('--cpus');
    expect(thrown(() => checkAll({ good: () => 1, bad: fails(error) }))).to.equal(error);
  });

  it('throws all faults together, each of them once, in their order', () => {
    const list = (): unknown[] =>
      checkEach(['-m a', '-m b', '-m a'], (text) => {
        throw new FileError(text);
      });
    const error = thrown(() => checkAll({ one: fails(usage('--cpus 9')), files: list, two: fails(usage('guest')) }));
    expect(error).to.be.instanceOf(FaultsError).with.property('isUsage', true);
    expect(problemOf(error)).to.deep.include({
      name: 'UsageError',
      what: '--cpus 9\nalso: -m a\nalso: -m b\nalso: guest',
      where: '--cpus 9',
    });
  });

  it('is no wrong use if only files are missing', () => {
    const missing = (text: string) => fails(new FileError(text));
    expect(thrown(() => checkAll({ a: missing('a'), b: missing('b') }))).to.have.property('isUsage', false);
  });

  it('lets a fault of the program through at once', () => {
    const error = new TypeError('x is undefined');
    expect(thrown(() => checkAll({ one: fails(usage('--cpus')), two: fails(error) }))).to.equal(error);
  });
});
