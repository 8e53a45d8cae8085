// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { RegisterLocals } from '../../../src/machine/compiled/register_locals.js';
import { regionModule } from '../../../src/machine/compiled/region_module.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { Opcode } from '../../../src/machine/wasm_format.js';

/** Runs what is emitted over registers that hold 1111…, 2222… and so on. @returns RAX and RBX afterwards */
function run(emit: (registers: RegisterLocals, body: FunctionBody) => void): string[] {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  const words = new BigUint64Array(memory.buffer);
  for (let index = 0; index < 16; index++) words[Layout.RAX / 8 + index] = 0x1111111111111111n * BigInt(index + 1);
  const body = new FunctionBody();
  const registers = new RegisterLocals(body);
  for (const slot of [Layout.RAX, Layout.RBX]) registers.use(slot, true);
  registers.loadAll();
  emit(registers, body);
  registers.storeWritten();
  body.get(0);
  body.out.byte(Opcode.End);
  const module = new WebAssembly.Module(regionModule([{ body, slot: 0 }], 1));
  new WebAssembly.Instance(module, { core: { memory, table } });
  (table.get(0) as (...parameters: unknown[]) => unknown)(1, 0n);
  return [Layout.RAX, Layout.RBX].map((slot) => words[slot / 8]!.toString(16));
}

describe('RegisterLocals', () => {
  it('moves whole registers and clears the upper half of those of 32 bits', () => {
    const moved = run((registers) => {
      registers.get(32, Layout.RBX);
      registers.set(32, Layout.RAX);
    });
    expect(moved).to.deep.equal(['44444444', '4444444444444444']);
  });

  it('leaves the rest of a register of 8 or 16 bits', () => {
    const moved = run((registers) => {
      registers.get(8, Layout.RBX);
      registers.set(8, Layout.RAX + 1);
      registers.get(16, Layout.RAX);
      registers.set(16, Layout.RBX);
    });
    expect(moved).to.deep.equal(['1111111111114411', '4444444444444411']);
  });

  it('reads in memory what it does not keep', () => {
    const moved = run((registers) => {
      registers.get64(Layout.RCX);
      registers.set(64, Layout.RAX);
    });
    expect(moved[0]).to.equal('2222222222222222');
  });
});
