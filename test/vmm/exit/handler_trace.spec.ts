// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LeftOverTaskError } from '../../../src/vmm/errors.js';
import {
  refuseLeftOver,
  traceNumber,
  whileDoing,
  whoRuns,
  type HandlerTrace,
} from '../../../src/vmm/exit/handler_trace.js';

const traceOf = (...names: string[]): HandlerTrace => ({ words: new Int32Array(1), outcome: new Int32Array(1), names });
const leftOver = { handler: 0, error: new LeftOverTaskError('a Promise') };

describe('traceNumber', () => {
  it('is 1 + the place of a name, which it adds if it is new', () => {
    const trace = traceOf('first');
    expect([traceNumber(trace, 'first'), traceNumber(trace, 'second'), traceNumber(trace, 'second')]).to.deep.equal([
      1, 2, 2,
    ]);
    expect(trace.names).to.deep.equal(['first', 'second']);
  });
});

describe('whoRuns', () => {
  it('names the handler, or else what the driver does', () => {
    const trace = traceOf('first', 'second');
    expect(whoRuns(trace)).to.equal(undefined);
    trace.doing = 'the start of the VMM';
    expect(whoRuns(trace)).to.equal('the start of the VMM');
    trace.words[0] = 2;
    expect(whoRuns(trace)).to.equal('handler second');
    trace.words[0] = 3;
    expect(whoRuns(trace), 'a handler without a name').to.equal('handler 3');
  });
});

describe('whileDoing', () => {
  it('gives what the work gives, and says meanwhile what it is', () => {
    const trace = traceOf();
    expect(whileDoing(trace, 'the load', () => whoRuns(trace))).to.equal('the load');
    expect(whoRuns(trace)).to.equal(undefined);
  });

  it('fails with what the work left behind, once', () => {
    const trace = traceOf();
    expect(() => whileDoing(trace, 'the load', () => (trace.leftOver = leftOver))).to.throw(leftOver.error);
    expect(() => refuseLeftOver(trace)).to.not.throw();
    expect(whileDoing(trace, 'the load', () => 5)).to.equal(5);
  });

  it('fails as the work does', () => {
    const trace = traceOf();
    const work = (): never => {
      trace.leftOver = leftOver;
      throw new RangeError('the work');
    };
    expect(() => whileDoing(trace, 'the load', work)).to.throw(RangeError, 'the work');
    expect([trace.doing, trace.leftOver]).to.deep.equal([undefined, undefined]);
  });
});

describe('refuseLeftOver', () => {
  it('fails with what was left behind', () => {
    expect(() => refuseLeftOver({ ...traceOf(), leftOver })).to.throw(leftOver.error);
  });
});
