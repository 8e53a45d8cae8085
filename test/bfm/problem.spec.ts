// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { problemOf } from '../../src/bfm/problem.js';
import { RunFailedError } from '../../src/bfm/run_failed_error.js';
import { UsageError } from '../../src/bfm/usage_error.js';
import { ModuleFileError } from '../../src/driver/driver_errors.js';
import { DuplicateBindError } from '../../src/vmm/container/load_errors.js';

describe('problemOf', () => {
  it('keeps the parts of an error of ours', () => {
    expect(problemOf(UsageError.ofOption('--pace', 'slow', 'real or fast', 'leave it out'))).to.deep.equal({
      name: 'UsageError',
      what: '--pace slow: it is real or fast; leave it out',
      where: '--pace',
      found: 'slow',
      expected: 'real or fast',
      advice: 'leave it out',
    });
  });

  it("finds a module's file, and each file of a conflict once", () => {
    expect(problemOf(new ModuleFileError('bad', '/x/a.ts')).where).to.equal('/x/a.ts');
    expect(problemOf(new DuplicateBindError('two', ['a.ts', 'b.ts', 'a.ts'])).where).to.equal('a.ts, b.ts');
  });

  it('is the same after a journey between threads', () => {
    const problem = problemOf(new ModuleFileError('bad', '/x/a.ts'));
    expect(problemOf(new RunFailedError(structuredClone(problem)))).to.deep.equal(problem);
  });

  it('calls any other error a fault of the program', () => {
    const { name, what, advice } = problemOf(new TypeError('x is not a function'));
    expect([name, what]).to.deep.equal(['TypeError', 'internal error: TypeError: x is not a function']);
    expect(advice).to.include('BFM_TRACE=1');
  });
});
