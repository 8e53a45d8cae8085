// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FlagLocals } from '../../../src/machine/compiled/flag_locals.js';
import { FunctionBody } from '../../../src/machine/compiled/function_body.js';
import { RegisterLocals } from '../../../src/machine/compiled/register_locals.js';
import { TemplatePaster } from '../../../src/machine/compiled/template_paster.js';
import { Opcode, ValueType } from '../../../src/machine/wasm_format.js';
import { compiledForms } from '../../support/compiled_tier.js';

function paster(): { body: FunctionBody; flags: FlagLocals; paster: TemplatePaster } {
  const body = new FunctionBody();
  const flags = new FlagLocals(body);
  const site = {
    pageRip: body.newLocal(ValueType.I64),
    goal: body.newLocal(ValueType.I64),
    tlb: body.newLocal(ValueType.I32),
  };
  return { body, flags, paster: new TemplatePaster(body, compiledForms(), new RegisterLocals(body), flags, site) };
}

describe('TemplatePaster', () => {
  it('adds an offset to the RIP of the page', () => {
    const { body, paster: each } = paster();
    each.rip(0x123);
    expect([...body.out.bytes()].slice(2)).to.deep.equal([Opcode.I64Const, 0xa3, 2, Opcode.I64Add]);
  });

  it('computes pending flags as often as it is asked, until they are settled', () => {
    const { body, flags, paster: each } = paster();
    flags.pending = { setter: 'fLogic', isRead: false };
    each.computeFlags();
    const once = body.out.length;
    each.settleFlags();
    expect(body.out.length).to.equal(2 * once);
    each.computeFlags();
    expect(body.out.length, 'nothing is pending').to.equal(2 * once);
  });
});
