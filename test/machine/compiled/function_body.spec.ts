// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { ValueType } from '../../../src/machine/wasm_format.js';

describe('FunctionBody', () => {
  it('numbers locals behind the parameters', () => {
    const body = new FunctionBody(3);
    expect([body.newLocal(ValueType.I32), body.newLocal(ValueType.I64)]).to.deep.equal([3, 4]);
    expect(body.locals).to.deep.equal([ValueType.I32, ValueType.I64]);
  });

  it('gives the same temporaries again, but never two of one piece of code, and none of another pool', () => {
    const body = new FunctionBody(0);
    const { I32, I64 } = ValueType;
    const first = body.temporaries([I64, I32, I64], 'a');
    expect(new Set(first).size).to.equal(3);
    expect(body.temporaries([I32, I64], 'a')).to.deep.equal([first[1], first[0]]);
    expect(first).not.to.include(body.temporaries([I64], 'b')[0]);
  });
});
