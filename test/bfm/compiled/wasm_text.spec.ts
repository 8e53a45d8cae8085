// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { wasmText } from '../../../src/bfm/compiled/wasm_text.js';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { regionModule } from '../../../src/machine/compiled/region_module.js';
import { EMPTY_BLOCK, Opcode, ValueType, VectorOpcode } from '../../../src/machine/wasm_format.js';

describe('wasmText', () => {
  it('has each instruction with its place in the module, and the names of locals', async () => {
    const body = new FunctionBody();
    const local = body.newLocal(ValueType.I64);
    body.out.append([Opcode.Block, EMPTY_BLOCK]);
    body.get(1);
    body.set(local);
    body.get(3);
    body.out.append([Opcode.VectorPrefix, VectorOpcode.V128Const, ...Array<number>(16).fill(1)]);
    body.out.append([0x1a, 0x1a, Opcode.End]);
    for (const parameter of [0, 1, 0]) body.get(parameter);
    body.out.append([Opcode.ReturnCallIndirect, 0, 0, Opcode.End]);
    const module = regionModule([{ body, slot: 0 }], 1);
    const lines = await wasmText(
      module,
      new Map([
        [1, 'rip'],
        [local, 'goal'],
      ]),
    );
    expect(lines.map(({ text }) => text)).to.deep.equal([
      'block',
      '  local.get $rip',
      '  local.set $goal',
      '  local.get $t3',
      '  v128.const i32x4 0x01010101 0x01010101 0x01010101 0x01010101',
      '  drop',
      '  drop',
      'end',
      'local.get $t0',
      'local.get $rip',
      'local.get $t0',
      'return_call_indirect (param i32 i64) (result i32)',
    ]);
    const begin = module.length - body.out.length;
    expect(lines.slice(0, 4).map(({ at }) => at - begin)).to.deep.equal([0, 2, 4, 6]);
  });
});
