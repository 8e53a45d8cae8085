// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { problemOf } from '../../../src/bfm/failures/problem.js';
import { RunFailedError } from '../../../src/bfm/run/run_failed_error.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { ModuleFileError } from '../../../src/driver/driver_errors.js';
import { DuplicateBindError } from '../../../src/vmm/container/load_errors.js';

/** What a call throws, or gives as its error. */
function thrownBy(work: () => unknown): NodeJS.ErrnoException {
  try {
    return work() as NodeJS.ErrnoException;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

describe('problemOf', () => {
  it('keeps the parts of an error of ours', () => {
    expect(problemOf(UsageError.ofOption('--pace', 'slow', 'real or fast', 'leave it out'))).to.deep.equal({
      name: 'UsageError',
      what: '--pace slow: it must be real or fast; leave it out',
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

  it('calls an error of the system by its name, with what to do', () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, open '/x/y'"), {
      ...{ code: 'ENOSPC', syscall: 'open', path: '/x/y' },
    });
    expect(problemOf(full)).to.deep.equal({
      name: 'SystemError',
      what: "ENOSPC: no space left on device, open '/x/y': the disk is full: make room on it",
      where: '/x/y',
      found: 'ENOSPC',
      expected: null,
      advice: 'the disk is full: make room on it',
    });
  });

  for (const work of [
    () => readdirSync('/nowhere/at/all'),
    () => mkdirSync('/dev/null/x'),
    () => spawnSync(process.execPath, ['x'.repeat(1 << 22)]).error,
    () => Object.assign(new Error('Worker terminated: out of memory'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }),
  ]) {
    const error = thrownBy(work);
    it(`calls none of the system's errors a fault of the program: ${String(error.code)}`, () => {
      const { name, what } = problemOf(error);
      expect(name).to.equal('SystemError');
      expect(what).to.include(error.message).and.not.include('internal');
    });
  }

  it('calls any other error a fault of the program', () => {
    const { name, what, advice } = problemOf(new TypeError('x is not a function'));
    expect([name, what]).to.deep.equal(['TypeError', 'internal error: TypeError: x is not a function']);
    expect(advice).to.include('BFM_TRACE=1');
  });
});
