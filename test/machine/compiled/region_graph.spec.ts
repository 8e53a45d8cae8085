// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { DecodedCode } from '../../../src/machine/compiled/decoded_code.js';
import { isExit, regionGraph, RegionLimits, type RegionBlock } from '../../../src/machine/compiled/region_graph.js';
import { RegionStructure } from '../../../src/machine/compiled/region_structure.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Pc } from '../../../src/machine/pc.js';
import { assemble } from '../../support/assembler.js';
import { compiledForms } from '../../support/compiled_tier.js';
import { coreModule } from '../../support/test_core.js';

/** The region at the beginning of a guest that has run for a while. */
async function graphOf(lines: readonly string[]): Promise<RegionBlock | undefined> {
  const pc = await Pc.create({ coreModule: await coreModule(), memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
  const bytes = assemble(lines, 64, FLAT_IMAGE_ADDRESS);
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  pc.runQuantum(() => true, 20_000);
  const code = new DecodedCode(pc.core.memory);
  const index = code.indexOf(FLAT_IMAGE_ADDRESS >> 12, Constants.DECODE_CODE64);
  return regionGraph(code, compiledForms(), index, FLAT_IMAGE_ADDRESS & 0xfff);
}

const counts = (root: RegionBlock): number[] =>
  new RegionStructure(root).nodes.map(({ block }) => block.instructions.length);

describe('regionGraph', () => {
  it('follows branches that were taken; the others leave', async () => {
    const root = (await graphOf(['again: inc ebx', 'test ebx, ebx', 'jz never', 'jmp again', 'never: hlt']))!;
    expect(root.instructions).to.have.length(3);
    if (root.end.kind !== 'branch') throw new Error(`it ends with ${root.end.kind}`);
    expect(isExit(root.end.taken), 'nothing is decoded there').to.equal(true);
    expect(isExit(root.end.next)).to.equal(false);
    expect(counts(root)).to.deep.equal([3, 1]);
  });

  it('inlines calls with their returns', async () => {
    const root = (await graphOf(['again: mov rsp, 0x180000', 'call inner', 'jmp again', 'inner: inc ebx', 'ret']))!;
    const ends = new RegionStructure(root).nodes.map(({ block }) => block.end.kind);
    expect(ends).to.deep.equal(['goto', 'computed', 'goto']);
    expect(new RegionStructure(root).nodes[1]!.block.returns).to.have.length(1);
  });

  it('stops before an instruction that only the interpreter executes', async () => {
    const root = (await graphOf(['again: inc ebx', 'cpuid', 'jmp again']))!;
    expect(root.end.kind).to.equal('leave');
    expect(root.instructions).to.have.length(1);
    expect(await graphOf(['again: cpuid', 'inc ebx', 'jmp again']), 'not even one instruction').to.equal(undefined);
  });

  it('leaves instructions without a template to their handlers, and goes on behind those that only end their blocks', async () => {
    const root = (await graphOf(['again: inc ebx', 'mov ecx, 3', 'div ecx', 'cli', 'add ebx, 5', 'jmp again']))!;
    expect(root.instructions.map(({ call }) => call?.endsBlock)).to.deep.equal([undefined, undefined, false, true]);
    expect(counts(root)).to.deep.equal([4, 2]);
    expect(await graphOf(['again: cli', 'inc ebx', 'jmp again']), 'such an instruction begins none').to.equal(
      undefined,
    );
  });

  it('has an end', async () => {
    const calls = Array.from({ length: 12 }, (_, i) => [`f${i}: call f${i + 1}`, `call f${i + 1}`, 'ret']).flat();
    const root = (await graphOf([
      'mov rsp, 0x180000',
      'again: call f0',
      'jmp again',
      ...calls,
      'f12: inc ebx',
      'ret',
    ]))!;
    const all = counts(root);
    expect(all.length).to.be.at.most(RegionLimits.blocks);
    expect(all.reduce((sum, each) => sum + each, 0)).to.be.at.most(RegionLimits.instructions + 62);
  });
});
