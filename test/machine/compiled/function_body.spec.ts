// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { PARAMETERS, temporaryTypes } from '../../../src/machine/compiled/temporaries.js';
import { ValueType } from '../../../src/machine/wasm_format.js';

describe('FunctionBody', () => {
  it('numbers locals behind the parameters and the temporaries', () => {
    const body = new FunctionBody();
    const first = PARAMETERS + temporaryTypes.length;
    expect([body.newLocal(ValueType.I32), body.newLocal(ValueType.I64)]).to.deep.equal([first, first + 1]);
    expect(body.locals).to.deep.equal([...temporaryTypes, ValueType.I32, ValueType.I64]);
  });
});
