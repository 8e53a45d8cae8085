// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DecodedCode } from '../../../src/machine/compiled/decoded_code.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { RECORD_BYTES } from '../../../src/machine/layout/record_format.js';
import { Pc } from '../../../src/machine/pc.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { assemble } from '../../support/assembler.js';
import { compiledForms } from '../../support/compiled_tier.js';
import { coreModule } from '../../support/test_core.js';

describe('DecodedCode', () => {
  const page = FLAT_IMAGE_ADDRESS >> 12;
  const offset = FLAT_IMAGE_ADDRESS & 0xfff;

  /** A machine that executes `inc ebx; jmp` in a circle. */
  async function machine(): Promise<{ pc: Pc; code: DecodedCode }> {
    const pc = await Pc.create({
      coreModule: await coreModule(),
      memoryBytes: 16 << 20,
      com1: () => {},
      com2: () => {},
    });
    const bytes = assemble(['again: inc ebx', 'jmp again'], 64, FLAT_IMAGE_ADDRESS);
    pc.boot({ kernel: { name: 'circle', bytes }, modules: [], append: '' });
    pc.runQuantum(() => true, 1000);
    return { pc, code: new DecodedCode(pc.core.memory) };
  }

  it('finds what the interpreter has decoded', async () => {
    const { code } = await machine();
    const index = code.indexOf(page, Constants.DECODE_CODE64);
    const head = code.headAt(index, offset);
    const instruction = code.read(head);
    expect(instruction).to.include({ pageOffset: offset, length: 2, a: Layout.RBX });
    expect(compiledForms().kindOf(instruction)).to.equal('plain');
    expect(compiledForms().kindOf(code.read(head + RECORD_BYTES))).to.equal('jmp');
    expect(code.headAt(index, offset + 1)).to.equal(0);
    expect(code.indexOf(page + 1, Constants.DECODE_CODE64)).to.equal(0);
  });

  it('puts a region in the place of a head, whose block goes on elsewhere', async () => {
    const { pc, code } = await machine();
    const head = code.headAt(code.indexOf(page, Constants.DECODE_CODE64), offset);
    const before = code.read(head);
    const { region } = compiledForms();
    // a slot of the core's own function: it is not called in this test
    expect(code.replaceHead(head, 2 * RECORD_BYTES, 3, region)).to.equal(true);
    expect([code.formOf(head), code.slotOf(head)]).to.deep.equal([region, 3]);
    expect(code.read(code.linkOf(head))).to.deep.equal(before);
    // the exact stepper executes the block
    const { instructions } = pc;
    pc.core.step();
    expect(pc.instructions).to.equal(instructions + 1);
  });

  it('copies a record for calls of its handler, until there is no room', async () => {
    const { pc, code } = await machine();
    const head = code.headAt(code.indexOf(page, Constants.DECODE_CODE64), offset);
    const { next } = compiledForms();
    const [handled, resumed] = [code.handlerCall(head, false, next)!, code.handlerCall(head, true, next)!];
    for (const { record } of [handled, resumed]) {
      expect(code.read(record)).to.deep.equal(code.read(head));
      expect([code.formOf(record + RECORD_BYTES), code.linkOf(record)]).to.deep.equal([next, 1]);
    }
    expect([handled.endsBlock, resumed.endsBlock]).to.deep.equal([false, true]);
    expect([handled.slot, resumed.slot].map((slot) => typeof pc.core.table.get(slot))).to.deep.equal([
      'function',
      'function',
    ]);
    expect(resumed.slot).not.to.equal(handled.slot);
    pc.core.u32[Layout.RECORD_NEXT / 4] = Layout.RECORDS_END - 2 * RECORD_BYTES;
    expect(code.handlerCall(head, false, next)).to.equal(undefined);
  });
});
