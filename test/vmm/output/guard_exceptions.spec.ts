// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { OutOfMemoryError } from '../../../src/vmm/errors.js';
import { guardExceptions, ignoreExceptions } from '../../../src/vmm/output/guard_exceptions.js';
import { captureOutput } from '../capture_output.js';

const code = 0x8000000000000050n;
const raise = (value: unknown) => (): void => {
  throw value;
};

describe('guardExceptions', () => {
  it('gives 0 on success', () => {
    expect(guardExceptions(code, () => {})).to.equal(0n);
  });

  it('gives the code after a banner with the message', () => {
    const text = captureOutput(() => expect(guardExceptions(code, raise(new Error('broken')))).to.equal(code));
    expect(text).to.include('Standard Exception Caught').and.to.include('broken');
  });

  it('gives BF_BAD_ALLOC without a print when memory ran out', () => {
    const text = captureOutput(() =>
      expect(guardExceptions(code, raise(new OutOfMemoryError('all gone')))).to.equal(ErrorCode.BF_BAD_ALLOC),
    );
    expect(text).to.equal('');
  });

  it('handles exceptions that are not errors', () => {
    expect(captureOutput(() => guardExceptions(code, raise('a string'))))
      .to.include('Unknown Exception Caught')
      .and.to.include('a string');
  });
});

describe('ignoreExceptions', () => {
  it('prints and goes on', () => {
    expect(captureOutput(() => ignoreExceptions(raise(new Error('odd'))))).to.include('odd');
    expect(captureOutput(() => ignoreExceptions(raise(new OutOfMemoryError('gone'))))).to.equal('');
  });
});
