// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FlagLocals } from '../../../src/machine/compiled/flag_locals.js';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { Opcode } from '../../../src/machine/wasm_format.js';

describe('FlagLocals', () => {
  it('reads the words of a pending setter from locals of their own', () => {
    const body = new FunctionBody();
    const flags = new FlagLocals(body);
    flags.get(0);
    flags.pending = { setter: 'fAdd', isRead: true };
    flags.get(0);
    flags.set(0, true);
    flags.set(0, false);
    const [own, reading, set, setOwn] = [...body.out.bytes()].filter((_, index) => index % 2 === 1);
    expect(own).not.to.equal(reading);
    expect([set, setOwn]).to.deep.equal([reading, own]);
    expect(body.out.bytes()[0]).to.equal(Opcode.LocalGet);
  });
});
