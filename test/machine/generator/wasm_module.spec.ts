// SPDX-License-Identifier: LGPL-2.1-only
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { WasmModule } from '../../../src/machine/generator/wasm_module.js';

describe('WasmModule', () => {
  it('reads types, imports, functions, exports and bodies of a real module', async () => {
    const module = new WasmModule(await readFile(new URL('../../../cpu/templates.wasm', import.meta.url)));
    expect(module.imports).to.include.members(['get64', 'set64', 'bail', 'tlb', 'address']);
    expect(module.bodies).to.have.length(module.functions.length);
    expect([...module.exports.keys()].filter((name) => /^t\d+$/.test(name)).length).to.be.greaterThan(500);
    for (const body of module.bodies) expect(module.bytes[body.end - 1]).to.equal(0x0b);
  });

  it('refuses bytes that are not a module', () => {
    expect(() => new WasmModule(Uint8Array.of(1, 2, 3, 4))).to.throw(SyntaxError);
  });
});
