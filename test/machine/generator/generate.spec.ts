// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { expand, formList, generate, hotLimit } from '../../../src/machine/generator/generate.js';
import { row } from '../../../src/machine/instructions/row.js';
import { topics } from '../../../src/machine/instructions.js';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Vector } from '../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { Rflags } from '../../../src/intrinsics/registers/registers.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { contentsTexts } from '../../architecture/source_files.js';

const folder = fileURLToPath(new URL('../../../../src/machine/cpu/', import.meta.url));
const sources = new Map(
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name.slice(0, -3), readFileSync(join(folder, name), 'utf8')]),
);

describe('expand', () => {
  it('fits every row of the table to its semantics, with at most 300 hot forms and ids below 16 bits', () => {
    const expansion = expand(topics, sources);
    expect(expansion.forms.filter((form) => form.isHot).length).to.be.within(200, hotLimit);
    expect(expansion.forms.length).to.be.below((Layout.CPUID_TABLE - Layout.HANDLERS) / 2);
    expect(new Set(expansion.forms.map((form) => form.id)).size).to.equal(expansion.forms.length);
  });

  it('keeps only the first 300 hot forms', () => {
    const semantics = Array.from(
      { length: 310 },
      (_value, index) => `@inline export function F${index}(): void {}`,
    ).join('\n');
    const rows = Array.from({ length: 310 }, (_value, index) => row('90', '', `F${index}`, { hot: true }));
    const expansion = expand({ test: rows }, new Map([['test', semantics]]));
    expect(expansion.forms.filter((form) => form.isHot)).to.have.length(hotLimit);
  });
});

describe('generate', () => {
  const semantics = new Map([
    [
      'test',
      '@inline export function ADD<T, D, S>(d: D, s: S): void {}\n@inline export function JZ(): bool { return true; }',
    ],
  ]);
  const expansion = expand(
    { test: [row('01', 'Ev,Gv', 'ADD', { hot: true }), row('74', 'Jb', 'JZ', { class: 'jcc', hot: true })] },
    semantics,
  );
  const files = generate(expansion, contentsTexts());

  it('writes every address and number of the layout once', () => {
    for (const [name, address] of Object.entries(Layout))
      expect(files['generated/layout.ts']).to.include(`export const ${name}: usize = 0x${address.toString(16)};`);
    expect(files['generated/layout.ts']).to.include(`export const TLB_ENTRIES: u32 = ${Constants.TLB_ENTRIES};`);
  });

  it('writes what src/intrinsics defines by the same names, as constants that asc inlines', () => {
    const text = files['generated/architecture.ts']!;
    const namespace = (name: string): string => text.split(`export namespace ${name} {`)[1]?.split('\n}')[0] ?? '';
    expect(namespace('ExitReason')).to.include(`@inline export const Cpuid: u32 = 0x${ExitReason.Cpuid.toString(16)};`);
    expect(namespace('PrimaryControl')).to.include(
      `@inline export const ActivateSecondaryControls: u32 = 0x${PrimaryControl.ActivateSecondaryControls.toString(16)};`,
    );
    expect(namespace('Rflags')).to.include(`const TrapFlag: u64 = 0x${Rflags.TrapFlag.toString(16)};`);
    expect(text).to.include(`@inline export const GP: u32 = 0x${Vector.GeneralProtection.toString(16)};`);
  });

  it('gives every form a handler, hot ones a case, and those that may a template', () => {
    for (const form of expansion.forms) {
      expect(files['dispatch/handlers.ts']).to.include(`function handle_${form.id}(rec: usize)`);
      expect(files['dispatch/hot.ts']!.includes(`case ${form.id}:`)).to.equal(form.isHot);
      expect(files['dispatch/templates.ts']!.includes(`function t${form.id}(`)).to.equal(form.noTemplate === undefined);
    }
  });

  it('lists the forms for the run-time compiler, the reserved ones first', () => {
    const list = formList(expansion) as { id: number; name: string }[];
    expect(list.map((form) => form.id)).to.deep.equal(list.map((_form, index) => index));
    expect(list[0]!.name).to.equal('NEXT');
  });
});
