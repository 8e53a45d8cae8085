// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CommandError } from '../../../src/bfm/host/host_errors.js';
import { jsonAnswer, textAnswer } from '../../../src/bfm/client/vmcall_answer.js';

describe('textAnswer', () => {
  it('is what the VMM said', () => {
    expect(textAnswer(Buffer.from('hello wörld'))).to.equal('received from vmm: hello wörld');
  });

  it('is nothing if the VMM said nothing', () => {
    expect(textAnswer(Buffer.alloc(0))).to.equal(undefined);
  });
});

describe('jsonAnswer', () => {
  it('is what the VMM said, on new lines, indented by 4', () => {
    expect(jsonAnswer(Buffer.from('{"a":[1]}'))).to.equal('received from vmm: \n{\n    "a": [\n        1\n    ]\n}');
  });

  it('is nothing if the VMM said nothing', () => {
    expect(jsonAnswer(Buffer.alloc(0))).to.equal(undefined);
  });

  it('is an error that shows what the VMM said if that is not JSON', () => {
    expect(() => jsonAnswer(Buffer.from('{oops'))).to.throw(CommandError, "the vmm's answer is not JSON: {oops");
  });
});
