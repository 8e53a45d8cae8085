// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isHandled, nothingToWaitFor, refusePromise, valueRead } from '../../../src/vmm/container/answers.js';
import { ContributionError } from '../../../src/vmm/errors.js';

const mine = { name: 'mine' };

describe('Answers of contributions', () => {
  it('are true and false', () => {
    expect([isHandled(true, mine, 'handleExit'), isHandled(false, mine, 'handleMsrWrite')]).to.deep.equal([
      true,
      false,
    ]);
  });

  it('are refused if they are a Promise, or nothing', () => {
    expect(() => isHandled(Promise.resolve(true), mine, 'handleExit')).to.throw(
      ContributionError,
      /handleExit\(\) of the contribution 'mine' must return true \(handled\) or false.*returned a Promise: a VM exit cannot wait/,
    );
    expect(() => isHandled(undefined, mine, 'handleMsrWrite')).to.throw(
      ContributionError,
      /handleMsrWrite\(\) .* returned undefined: add the return/,
    );
  });

  it('to reads are values of one type, or undefined', () => {
    const read = (answer: unknown, type: 'bigint' | 'number') => valueRead(answer, type, mine, 'handleMsrRead');
    expect([read(5n, 'bigint'), read(undefined, 'number')]).to.deep.equal([5n, undefined]);
    expect(() => read(5, 'bigint')).to.throw(
      ContributionError,
      /^handleMsrRead\(\) of .*'mine' must return a bigint.*returned 5 \(number\)/,
    );
    expect(() => read(Promise.resolve(5), 'number')).to.throw(ContributionError, /a Promise: a VM exit cannot/);
  });

  it('of methods that only do something may be anything but a Promise', () => {
    expect([nothingToWaitFor(undefined, mine, 'setUp'), nothingToWaitFor(7, mine, 'report')]).to.deep.equal([
      undefined,
      7,
    ]);
    expect(() => nothingToWaitFor(Promise.resolve(), mine, 'setUp')).to.throw(
      ContributionError,
      "setUp() of the contribution 'mine' returned a Promise: nobody waits for it, make the method synchronous",
    );
  });

  it('of the base’s handlers are nothing, and no Promise', () => {
    refusePromise(undefined, 'cpuid');
    refusePromise(null, 'cpuid');
    refusePromise(7, 'cpuid');
    expect(() => refusePromise(Promise.resolve(), 'cpuid')).to.throw(ContributionError, /^cpuid returned a Promise/);
  });
});
