// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { withRollback } from '../../../src/vmm/support/rollback.js';

describe('withRollback', () => {
  it('undoes in reverse order when the body throws, and throws the same error', () => {
    const log: string[] = [];
    const error = new Error('no');
    const body = (): void =>
      withRollback((rollback) => {
        rollback.onFailure(() => log.push('first'));
        rollback.onFailure(() => log.push('second'));
        throw error;
      });
    expect(body).to.throw(error);
    expect(log).to.deep.equal(['second', 'first']);
  });

  it('undoes nothing when the body succeeds', () => {
    const log: string[] = [];
    const result = withRollback((rollback) => {
      rollback.onFailure(() => log.push('undone'));
      return 7;
    });
    expect(result).to.equal(7);
    expect(log).to.deep.equal([]);
  });

  it('goes on with the other steps when one throws', () => {
    const log: string[] = [];
    const body = (): void =>
      withRollback((rollback) => {
        rollback.onFailure(() => log.push('first'));
        rollback.onFailure(() => {
          throw new Error('the step');
        });
        throw new Error('the body');
      });
    expect(body).to.throw('the body');
    expect(log).to.deep.equal(['first']);
  });
});
