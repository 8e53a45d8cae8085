// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { regionListing } from '../../../src/bfm/compiled/region_listing.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { DecodedCode } from '../../../src/machine/compiled/decoded_code.js';
import { regionGraph } from '../../../src/machine/compiled/region_graph.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { PAGE_BYTES } from '../../../src/machine/memory/page_contents.js';
import { Pc } from '../../../src/machine/pc.js';
import { assemble } from '../../support/assembler.js';
import { compiledForms } from '../../support/compiled_tier.js';
import { coreModule } from '../../support/test_core.js';

/** The listing of a loop, whose page is shown at another address than the one at which it ran. */
async function listing(lines: readonly string[]): Promise<string[]> {
  const pc = await Pc.create({ coreModule: await coreModule(), memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
  const bytes = assemble(lines, 64, FLAT_IMAGE_ADDRESS);
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  pc.runQuantum(() => true, 1000);
  const code = new DecodedCode(pc.core.memory);
  const page = FLAT_IMAGE_ADDRESS / PAGE_BYTES;
  const root = regionGraph(code, compiledForms(), code.indexOf(page, Constants.DECODE_CODE64), 0)!;
  const at = Layout.RAM + FLAT_IMAGE_ADDRESS;
  return regionListing(
    { root, page: 0xffff_8000_0000_0000n, bytes: pc.core.u8.slice(at, at + PAGE_BYTES) },
    compiledForms(),
  );
}

describe('regionListing', () => {
  it('has entry, instructions and exit in the order of the code, with their WebAssembly in the right column', async () => {
    const lines = await listing(['again: add rax, rcx', 'jmp over', 'nop', 'over: dec edx', 'jnz again', 'jmp again']);
    const left = lines.map((line) => line.split('│')[0]!.trim());
    const found = left.filter((text) => /^0x|^\(/.test(text)).map((text) => text.replace(/^0x\w+ {2}/, ''));
    expect(found.map((text) => text.split(' ')[0])).to.deep.equal(['(the', 'add', 'jmp', 'dec', 'jne', '(the']);
    expect(left).to.include('0xffff800000000000  add rax,rcx').and.to.include('ADD<u64,Reg,Reg>(a,b) alu');
    const columns = new Set(lines.map((line) => line.indexOf('│')));
    expect([...columns], 'one place of the line').to.have.length(1);
    expect(lines[0]).to.match(/│ local\.get \$rip$/);
    const right = lines.map((line) => line.split('│ ')[1] ?? '');
    expect(right.filter((text) => text.trim() === 'loop $label1')).to.have.length(1);
    expect(right.at(-1)).to.equal('local.get $budget');
  });

  it('says which instructions are left to their handlers', async () => {
    const lines = await listing(['again: mov ecx, 3', 'inc ebx', 'div ecx', 'pushf', 'jmp again']);
    const left = lines.map((line) => line.split('│')[0]!.trim());
    expect(left).to.include('DIV<u32,Reg>(a) multiply: its handler');
    expect(left.filter((text) => text.endsWith(': its handler'))).to.have.length(2);
    expect(lines.filter((line) => line.includes('call_indirect'))).to.have.length(3);
  });
});
