// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout, wordAt } from '../../../src/machine/layout/layout.js';

const folders = ['src', 'scripts'].map((name) => fileURLToPath(new URL(`../../../../${name}`, import.meta.url)));
/** Members of runs that are reached by their number: general and segment registers, and the guest's word of each pair that the TLBs have. */
const indexed = /^(R([89]|1[0-5])|(ES|CS|SS|DS|FS|GS|LDTR|TR)_(BASE|SELECTOR|LIMIT|RIGHTS)|TLB_\w+1)$/;

/** Every name in capitals that sources and build scripts use outside the layout itself; a list of imports does not count as a use. */
function namesInUse(): Set<string> {
  const names = new Set<string>();
  const entries = folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }));
  for (const entry of entries) {
    if (
      !entry.isFile() ||
      !/\.(ts|mjs)$/.test(entry.name) ||
      (entry.parentPath ?? entry.path).endsWith(join('machine', 'layout')) ||
      entry.name === 'layout.ts'
    )
      continue;
    const text = readFileSync(join(entry.parentPath ?? entry.path, entry.name), 'utf8').replace(
      /^import \{[^}]*\} from [^;]+;/gm,
      '',
    );
    for (const name of text.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []) names.add(name);
  }
  return names;
}

describe('Layout', () => {
  it('has no word, region or number that nobody reads', () => {
    const used = namesInUse();
    expect(used.size).to.be.greaterThan(300);
    const unused = [...Object.keys(Layout), ...Object.keys(Constants)].filter((name) => !used.has(name));
    expect(unused.filter((name) => !indexed.test(name))).to.deep.equal([]);
  });
});

describe('wordAt', () => {
  it('names the words of the processor block, and nothing else', () => {
    expect([wordAt(Layout.RCX), wordAt(Layout.EXIT_REASON), wordAt(Layout.RCX + 4), wordAt(Layout.RAM)]).to.deep.equal([
      'RCX',
      'EXIT_REASON',
      undefined,
      undefined,
    ]);
  });
});
