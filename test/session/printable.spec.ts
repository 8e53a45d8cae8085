// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { printable } from '../../src/session/printable.js';
import { problemOf } from '../../src/bfm/failures/problem.js';
import { BareflankError } from '../../src/intrinsics/errors.js';

describe('printable', () => {
  it('keeps lines, tabs and letters, and replaces what changes what a terminal shows', () => {
    expect(printable('a\tb\nÄ\u{1f600}')).to.equal('a\tb\nÄ\u{1f600}');
    expect(printable('\u001b[31m\r\u0007\u009b\u202e')).to.equal('�[31m����');
  });

  it('is how errors show the names of a file that came from somebody else', () => {
    expect(problemOf(new BareflankError('/tmp/\u001b]0;title\u0007 is gone')).what).to.equal('/tmp/�]0;title� is gone');
  });
});
