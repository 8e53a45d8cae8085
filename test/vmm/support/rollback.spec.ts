// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { type Rollback, withRollback } from '../../../src/vmm/support/rollback.js';
import { captureOutput } from '../capture_output.js';

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

  it('goes on with the other steps when one throws, and says so', () => {
    const log: string[] = [];
    const body = (): void =>
      withRollback((rollback) => {
        rollback.onFailure(() => log.push('first'));
        rollback.onFailure(() => {
          throw new Error('the step');
        });
        throw new Error('the body');
      });
    expect(captureOutput(() => expect(body).to.throw('the body'))).to.include('the step');
    expect(log).to.deep.equal(['first']);
  });

  const steps = (rollback: Rollback, log: string[]): void => {
    rollback.finally(() => log.push('finally'));
    rollback.onSuccess(() => log.push('on success'));
    rollback.onFailure(() => log.push('on failure'));
    rollback.finally(() => log.push('last'));
  };

  it('takes the steps of success, and those of any case, in reverse order', () => {
    const log: string[] = [];
    expect(withRollback((rollback) => (steps(rollback, log), 5))).to.equal(5);
    expect(log).to.deep.equal(['last', 'on success', 'finally']);
  });

  it('takes the steps of failure, and those of any case, in reverse order', () => {
    const log: string[] = [];
    const body = (): void =>
      withRollback((rollback) => {
        steps(rollback, log);
        throw new Error('no');
      });
    expect(body).to.throw('no');
    expect(log).to.deep.equal(['last', 'on failure', 'finally']);
  });

  it('keeps the result when a step of success throws', () => {
    const work = (): number =>
      withRollback((rollback) => {
        rollback.onSuccess(() => {
          throw new Error('the step');
        });
        return 3;
      });
    let result = 0;
    expect(captureOutput(() => (result = work()))).to.include('the step');
    expect(result).to.equal(3);
  });
});
