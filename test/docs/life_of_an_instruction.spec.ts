// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompiledDump } from '../../src/bfm/compiled/compiled_dump.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import type { CompiledTierOptions } from '../../src/machine/compiled/compiled_tier.js';
import { Pc } from '../../src/machine/pc.js';
import { assemble } from '../support/assembler.js';
import { compiledForms, forcedTier, readForms } from '../support/compiled_tier.js';
import { coreModule } from '../support/test_core.js';

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');
const page = read('docs/life_of_an_instruction.md');
const FORM = 'ADD<u64,Mem,Reg>(ea,b) alu';

/** Rows of a table: the file, and the names that it has. */
const rows = [...page.matchAll(/^\| [a-z]+ \| `(src\/[^`]+)` \| ([^|]*) \|/gm)].map(([, file, names]) => ({
  file: file!,
  names: [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
}));

/** The lines of the fenced block of a language. */
const block = (language: string): string[] =>
  new RegExp('^```' + language + '\n([^]*?)^```$', 'm').exec(page)![1]!.trimEnd().split('\n');

async function ended(compiledTier?: CompiledTierOptions) {
  const lines = [...block('asm'), 'mov dx, 0xf4', 'out dx, eax', 'hlt'];
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    com1: () => {},
    com2: () => {},
    ...(compiledTier && { compiledTier }),
  });
  pc.boot({ kernel: { name: 'guest', bytes: assemble(lines, 64, FLAT_IMAGE_ADDRESS) }, modules: [], append: '' });
  const address = /^(0x\w+) {2}add /m.exec(page)![1]!;
  const dump = compiledTier && CompiledDump.watch(pc, address, compiledForms());
  while (pc.runQuantum(() => true) === undefined);
  return { pc, hash: pc.stateHash(), text: (await dump?.text()) ?? '' };
}

describe('docs/life_of_an_instruction.md', () => {
  it('names files that exist, each with the names of its row', () => {
    expect(rows).to.have.length(16);
    const missing = rows.flatMap(({ file, names }) => {
      expect(names, file).to.have.length.greaterThan(0);
      const text = existsSync(join(packageRoot, file)) ? read(file) : '';
      return names.filter((name) => !text.includes(name)).map((name) => `${file} has no ${name}`);
    });
    expect(missing).to.deep.equal([]);
    expect(read('ARCHITECTURE.md')).to.include('docs/life_of_an_instruction.md');
  });

  it('shows the form, its case in the switch and the markers of its template as the build has them', () => {
    const { forms, templates } = readForms();
    const form = forms.find(({ name }) => name === FORM)!;
    expect(form).to.include({ class: 'plain', row: '01 Ev,Gv' });
    expect(read('build/cpu/source/dispatch/hot.ts')).to.include(block('ts')[0]!);
    const [, text] = /^The template, by its markers: (.*)\.$/m.exec(page)!;
    const markers = templates.templates[form.id]!.tokens.flatMap(([kind, ...rest]) => {
      if (kind === 'm') return [rest[0] as string];
      return kind === 'get' ? [`get ${rest[0]} ${rest[1]}`] : [];
    });
    expect(markers).to.deep.equal([...text!.matchAll(/`([^`]+)`/g)].map(([, marker]) => marker));
  });

  it('shows what is emitted, which does what the interpreter does', async () => {
    const [interpreted, compiled] = [await ended(), await ended(forcedTier)];
    expect(compiled.hash).to.equal(interpreted.hash);
    expect(compiled.pc.compiledTier!.executed.instructions / compiled.pc.instructions).to.be.greaterThan(0.9);
    const columns = (line: string): string[] => line.split('│').map((part) => part.trim());
    const [own, listing] = [block('text'), compiled.text.split('\n')].map((lines) => lines.map(columns));
    for (const [left] of own!) if (left !== '') expect(listing!.map(([each]) => each)).to.include(left);
    // in this order, with others between them
    let at = listing!.findIndex(([left]) => left === own![0]![0]);
    for (const [, instruction] of own!) {
      const found = listing!.findIndex(([, each], index) => index >= at && each === instruction);
      expect(found, instruction).to.be.greaterThan(-1);
      at = found + 1;
    }
  });
});
