// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';

const folder = temporaryFolder();
const test = (name: string, code: string) => bfm('test', folder.write(`${name}.spec.ts`, `${code}\nexport {};\n`));
const passing = `describe('x', () => it('y', () => {}));`;

describe('bfm test', () => {
  it('runs specs, with status 0 if they pass', async () => {
    const { status, stdout, stderr } = await test('passes', passing);
    expect([status, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.include('1 passing');
  });

  for (const [what, code] of [
    ['waits for ever at its top level', `await new Promise(() => {}); ${passing}`],
    ['ends the process while it is loaded', `process.exit(0); ${passing}`],
  ] as const)
    it(`fails, and says so, if a spec ${what}: no test was run`, async () => {
      const { status, stderr } = await test('never', code);
      expect(stderr).to.match(/^bfm: no test was run: a top-level await of a spec has not come to its end, or/);
      expect(status).to.equal(1);
    });

  it('fails if a spec has no test', async () => {
    const { status, stdout } = await test('empty', '');
    expect(stdout).to.include('0 passing');
    expect(status).to.equal(1);
  });

  it('says only what a spec threw while it was loaded', async () => {
    const { status, stderr } = await test('throws', `throw new Error('thrown at load');`);
    expect(stderr).to.include('thrown at load').and.to.not.include('no test was run');
    expect(status).to.equal(1);
  });
});
