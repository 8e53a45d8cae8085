// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isHandled, refusePromise, valueRead } from '../../../src/vmm/contributions/answers.js';
import { ContributionError } from '../../../src/vmm/errors.js';

const mine = { name: 'mine' };

describe('Answers of contributions', () => {
  it('are true and false', () => {
    expect([isHandled(true, mine, 'handle'), isHandled(false, mine, 'write')]).to.deep.equal([true, false]);
  });

  it('are refused if they are a Promise, or nothing', () => {
    expect(() => isHandled(Promise.resolve(true), mine, 'handle')).to.throw(
      ContributionError,
      /handle\(\) of the contribution 'mine' must return true \(handled\) or false.*returned a Promise: a VM exit cannot wait/,
    );
    expect(() => isHandled(undefined, mine, 'write')).to.throw(
      ContributionError,
      /write\(\) .* returned undefined: add the return/,
    );
  });

  it('to reads are values of one type, or undefined', () => {
    expect([valueRead(5n, 'bigint', mine), valueRead(undefined, 'number', mine)]).to.deep.equal([5n, undefined]);
    expect(() => valueRead(5, 'bigint', mine)).to.throw(
      ContributionError,
      /must return a bigint.*returned 5 \(number\)/,
    );
    expect(() => valueRead(Promise.resolve(5), 'number', mine)).to.throw(
      ContributionError,
      /a Promise: a VM exit cannot/,
    );
  });

  it('of the base’s handlers are nothing, and no Promise', () => {
    refusePromise(undefined, 'cpuid');
    refusePromise(null, 'cpuid');
    refusePromise(7, 'cpuid');
    expect(() => refusePromise(Promise.resolve(), 'cpuid')).to.throw(ContributionError, /^cpuid returned a Promise/);
  });
});
