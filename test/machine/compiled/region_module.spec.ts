// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { stub } from 'sinon';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { hostCompilesRegions, regionModule } from '../../../src/machine/compiled/region_module.js';
import { Opcode, ValueType } from '../../../src/machine/wasm_format.js';

/** budget − a number. */
function spending(count: number): FunctionBody {
  const body = new FunctionBody();
  body.newLocal(ValueType.I64);
  body.get(0);
  body.out.i32Const(count);
  body.out.append([Opcode.I32Sub, Opcode.End]);
  return body;
}

describe('regionModule', () => {
  it('puts each function into its slot of the table', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: 10 });
    const bytes = regionModule(
      [
        { body: spending(7), slot: 8 },
        { body: spending(1), slot: 2 },
      ],
      1,
    );
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { core: { memory, table } });
    const call = (slot: number): unknown => (table.get(slot) as (...parameters: unknown[]) => unknown)(100, 0n);
    expect([call(8), call(2), table.get(3)]).to.deep.equal([93, 99, null]);
  });
});

describe('hostCompilesRegions', () => {
  it('asks the host about a region that goes on in another one', () => {
    expect(hostCompilesRegions()).to.equal(true);
    const validate = stub(WebAssembly, 'validate').returns(false);
    try {
      expect(hostCompilesRegions()).to.equal(false);
      const [bytes] = validate.firstCall.args;
      expect([...bytes]).to.include(Opcode.ReturnCallIndirect);
    } finally {
      validate.restore();
    }
  });
});
