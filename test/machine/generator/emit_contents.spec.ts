// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CR0_BITS } from '../../../src/intrinsics/contents/control_register_contents.js';
import { msrContents } from '../../../src/intrinsics/contents/msr_contents.js';
import { emitContents, sharedContents, translate } from '../../../src/machine/generator/emit_contents.js';
import { contentsTexts } from '../../architecture/source_files.js';

describe('translate', () => {
  it("gives exported functions AssemblyScript's types, and drops everything else", () => {
    const text =
      "import { A } from './a.js';\nexport const B = 1;\n/** Doc. */\n" +
      'export function f(low: number, isOn: boolean): boolean {\n  return isOn && low !== 0;\n}\n' +
      'function g(): number {\n  return 1;\n}\n';
    expect(translate(text)).to.deep.equal([
      'export function f(low: i32, isOn: bool): bool {\n  return isOn && low !== 0;\n}',
    ]);
  });
});

describe('emitContents', () => {
  const file = emitContents(contentsTexts());

  it('has every exported function of the shared texts, and their numbers as they are at run time', () => {
    const names = [...contentsTexts().values()].flatMap((text) =>
      [...text.matchAll(/^export function (\w+)/gm)].map(([, name]) => name),
    );
    expect(names.length).to.be.greaterThan(15);
    for (const name of names) expect(file).to.include(`export function ${name}(`);
    expect(file).to.include(`export const CR0_BITS: u32 = 0x${(CR0_BITS >>> 0).toString(16)};`);
  });

  it('has each MSR of the table once in the switch', () => {
    for (const msr of Object.keys(msrContents).map(Number))
      expect(file.split(`case 0x${msr.toString(16)}:`), `0x${msr.toString(16)}`).to.have.length(2);
  });

  it('refuses to work without one of the texts, by its name', () => {
    const [first] = sharedContents;
    const texts = new Map([...contentsTexts()].filter(([name]) => name !== first));
    expect(() => emitContents(texts)).to.throw(RangeError, `src/intrinsics/contents/${first}.ts`);
  });
});
