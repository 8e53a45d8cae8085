// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as bareflank from '../../src/index.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { bfm } from '../bfm/bfm_process.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const page = readFileSync(join(packageRoot, 'docs', 'writing_extensions.md'), 'utf8');

/** The code in the first cells of a section's table. */
function namesIn(section: string): string[] {
  const text = page.slice(page.indexOf(`## ${section}\n`)).split('\n## ')[0]!;
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1]!);
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
}

describe('docs/writing_extensions.md', () => {
  it('has each contribution point, and parts that there are', () => {
    const points = Object.keys(bareflank).filter((name) => /[a-z]Contribution$/.test(name));
    expect(namesIn('What a class contributes').sort()).to.deep.equal(points.sort());
    const parts = namesIn('What a class injects');
    expect(parts).to.have.length.greaterThan(15);
    for (const name of parts) expect(bareflank, name).to.have.property(name);
  });

  it("'s extension loads, and changes the answer to CPUID leaf 1", async () => {
    const source = /`cr3_by_process\.ts`:\n\n```ts\n([^]*?)```/.exec(page)![1]!;
    const file = folder.write('cr3_by_process.ts', source);
    const run = async (...more: string[]): Promise<string> => {
      const { status, stdout, stderr } = await bfm('run', '--guest', 'cpuid', '--append', '20', ...more);
      expect(status, stderr).to.equal(0);
      return /checksum .*/.exec(stdout)![0];
    };
    expect(await run('-m', file)).to.not.equal(await run('-m', 'cpuidcount'));
  });
});
