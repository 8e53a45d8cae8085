// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { WasmWriter } from '../../../src/machine/compiled/wasm_writer.js';
import { slotMagic } from '../../../src/machine/generator/emit_templates.js';
import { extractTemplates } from '../../../src/machine/generator/extract.js';
import type { TemplateToken } from '../../../src/machine/generator/template.js';

const markers = ['get64', 'set64', 'bail', 'fLogic'];

/** A module with the marker imports and one function `t3` of that body; function 5 is another function of the module. */
function moduleOf(body: readonly number[], locals: readonly number[] = []): Uint8Array {
  const out = new WasmWriter();
  out.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  const section = (id: number, write: (part: WasmWriter) => void): void => {
    out.byte(id);
    out.sized(write);
  };
  section(1, (part) => part.append([1, 0x60, 0, 0]));
  section(2, (part) => {
    part.unsigned(markers.length);
    for (const name of markers) {
      part.name('t');
      part.name(name);
      part.append([0, 0]);
    }
  });
  section(3, (part) => part.append([2, 0, 0]));
  section(7, (part) => {
    part.unsigned(1);
    part.name('t3');
    part.append([0, markers.length]);
  });
  section(10, (part) => {
    part.unsigned(2);
    part.sized((inner) => inner.append([locals.length, ...locals.flatMap((type) => [1, type]), ...body, 0x0b]));
    part.sized((inner) => inner.append([0, 0x0b]));
  });
  return out.bytes();
}

function constant(value: number): number[] {
  const out = new WasmWriter();
  out.i32Const(value);
  return [...out.bytes()];
}

const form = { id: 3, name: 'TEST', class: 'plain' };
const call = (name: string): number[] => [0x10, markers.indexOf(name)];

function tokensOf(body: readonly number[], locals: readonly number[] = []): readonly TemplateToken[] {
  return extractTemplates(moduleOf(body, locals), [form]).templates[3]!.tokens;
}

function reasonOf(body: readonly number[], locals: readonly number[] = []): string | undefined {
  return extractTemplates(moduleOf(body, locals), [form]).handlers[3];
}

describe('extractTemplates', () => {
  it('makes register markers of their constant operand', () => {
    expect(
      tokensOf([...constant(slotMagic.a), ...call('get64'), 0x1a, ...constant(0x400), ...call('set64')]),
    ).to.deep.equal([
      ['get', 64, 'a', 0],
      ['x', btoa('\x1a')],
      ['set', 64, 0x400, 0],
    ]);
  });

  it('keeps the distance from a slot that is addressed directly', () => {
    expect(tokensOf([...constant(slotMagic.b + 8), 0x1a])[0]).to.deep.equal(['s', 'b', 8]);
  });

  it('names the locals that may be read before they are written', () => {
    const { templates } = extractTemplates(moduleOf([0x20, 0, 0x1a, ...constant(1), 0x21, 1], [0x7f, 0x7f]), [form]);
    expect(templates[3]!.zero).to.deep.equal([0]);
  });

  it('notes the depth of a marker, and that a body is left early', () => {
    const { templates } = extractTemplates(moduleOf([0x02, 0x40, ...call('bail'), 0x0f, 0x0b]), [form]);
    expect(templates[3]!.returns).to.equal(true);
    expect(templates[3]!.tokens.filter(([kind]) => kind !== 'x')).to.deep.equal([
      ['m', 'bail', 1],
      ['ret', 1],
    ]);
  });

  it('says that an access which can fault comes after a change (rule 1)', () => {
    expect(reasonOf([...call('fLogic'), ...call('bail')])).to.match(/^NOT PRECISE.*rule 1/);
    expect(reasonOf([...constant(slotMagic.a), ...call('set64'), ...call('bail')])).to.match(/^NOT PRECISE/);
    expect(reasonOf([...constant(0), ...constant(0), 0x36, 2, 0, ...call('bail')])).to.match(/^NOT PRECISE/);
    expect(reasonOf([...call('bail'), ...call('fLogic')])).to.equal(undefined);
  });

  it('says that a function is called which is not inlined (rule 2)', () => {
    expect(reasonOf([0x10, markers.length + 1])).to.match(/not inlined/);
  });

  it('says that a register is chosen at run time', () => {
    expect(reasonOf([0x20, 0, ...call('get64')], [0x7f])).to.match(/register of get64 is no constant/);
  });

  it('passes on why a form has no function in the template build', () => {
    const { handlers } = extractTemplates(moduleOf([]), [
      { id: 9, name: 'X', class: 'ends', noTemplate: 'ends its block' },
    ]);
    expect(handlers[9]).to.equal('ends its block');
  });
});
