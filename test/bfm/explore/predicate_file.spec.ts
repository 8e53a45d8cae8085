// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { hashOfPredicate, loadPredicate } from '../../../src/bfm/explore/predicate_file.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { hookMissed } from './race_hook_run.js';

const folder = temporaryFolder();

const refusal = (file: string): Promise<string> =>
  loadPredicate(file).then(
    () => 'none',
    ({ message }: Error) => message,
  );

describe('loadPredicate', () => {
  it('gives the default export of a TypeScript file, which may use the framework', async () => {
    const file = folder.write(
      'one.ts',
      `import { ExitReason } from 'bareflank';
      import type { Predicate } from 'bareflank/machine';
      const many: Predicate = ({ exits }) => exits(ExitReason.Cpuid) > 2 && 'many';
      export default many;`,
    );
    const predicate = await loadPredicate(file);
    const run = (count: number) => ({ exits: () => count }) as never;
    expect([predicate(run(2)), predicate(run(3))]).to.deep.equal([false, 'many']);
    expect(await hashOfPredicate(file)).to.match(/^[0-9a-f]{64}$/);
    expect(await hashOfPredicate(file)).to.not.equal(await hashOfPredicate(hookMissed));
  });

  it('refuses a file without one, and names the line of a syntax error', async () => {
    expect(await refusal(folder.write('no.ts', 'export const a = 1;'))).to.match(
      /no\.ts: its default export must be a function/,
    );
    expect(await refusal(folder.write('bad.ts', 'export default (=> 1;'))).to.include('bad.ts:1:');
  });
});
