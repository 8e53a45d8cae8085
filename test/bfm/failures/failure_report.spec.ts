// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Command } from 'commander';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FailureReport } from '../../../src/bfm/failures/failure_report.js';
import { wantsFailureReport } from '../../../src/bfm/failures/failure_report.js';
import { bfm, root } from '../bfm_process.js';

describe('wantsFailureReport', () => {
  const withJson = new Command('run').option('--json');

  it('is for --json of a command that has it', () => {
    expect(wantsFailureReport(withJson, ['run', '--fly', '--json'])).to.equal(true);
    expect(wantsFailureReport(withJson, ['run', '--guest', 'cpuid'])).to.equal(false);
    expect(wantsFailureReport(withJson, ['run', '--', '--json'])).to.equal(false);
    expect(wantsFailureReport(new Command('status'), ['status', '--json'])).to.equal(false);
    expect(wantsFailureReport(withJson, [])).to.equal(false);
  });
});

describe('--json of a command that fails', () => {
  const cases: [readonly string[], number, RegExp][] = [
    [['replay', '--json', '/does/not/exist'], 1, /there is no such file/],
    [['replay', '--json'], 2, /missing required argument/],
    [['describe', 'nosuch', '--json'], 2, /nosuch/],
    [['describe', '--fly', '--json'], 2, /--fly/],
  ];
  for (const [args, status, why] of cases)
    it(`prints one object for ${args.join(' ')}`, async () => {
      const result = await bfm(...args);
      expect(result.status, result.stderr).to.equal(status);
      const { outcome, exitStatus, detail, error } = JSON.parse(result.stdout) as FailureReport;
      expect([outcome, exitStatus, error.what]).to.deep.equal(['error', status, detail]);
      expect(detail).to.match(why);
      expect(result.stderr, 'a person reads the same').to.include(detail);
    });
});

describe('bfm run --json that cannot begin', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bfm-json-'));
    writeFileSync(join(folder, 'bad.modules'), '{ modules');
    writeFileSync(join(folder, 'syntax.ts'), 'export default 1 +;\n');
  });
  after(() => rmSync(folder, { recursive: true }));

  const cases: [string, () => string[], number, Partial<Record<keyof FailureReport['error'], RegExp>>][] = [
    [
      'a module list that is not JSON',
      () => ['--guest', 'cpuid', '-m', join(folder, 'bad.modules')],
      1,
      { name: /^ModuleListError$/, where: /bad\.modules:1:3$/, expected: /"modules"/ },
    ],
    [
      'a syntax error in a module',
      () => ['--guest', 'cpuid', '-m', join(folder, 'syntax.ts')],
      1,
      { name: /^ModuleFileError$/, where: /syntax\.ts:1:19$/, found: /Unexpected ";"/ },
    ],
    [
      'a kernel that is a text file',
      () => ['--kernel', join(root, 'LICENSE')],
      1,
      { name: /^BootError$/, where: /LICENSE$/, found: /^a text file$/, expected: /bzImage/ },
    ],
    [
      'an impossible value',
      () => ['--guest', 'cpuid', '--memory', '4T'],
      2,
      { name: /^UsageError$/, where: /^--memory$/, found: /^4T$/, expected: /16M … 3072M/ },
    ],
    ['an unknown option', () => ['--guest', 'cpuid', '--fly'], 2, { name: /^UsageError$/, advice: /bfm run --help/ }],
  ];
  for (const [what, args, status, wanted] of cases)
    it(`prints one object for ${what}`, async () => {
      const result = await bfm('run', '--json', ...args());
      expect(result.status, result.stderr).to.equal(status);
      const { outcome, exitStatus, detail, error, ...rest } = JSON.parse(result.stdout) as FailureReport;
      expect([outcome, exitStatus]).to.deep.equal(['error', status]);
      expect(rest).to.deep.equal({ machine: null, extensions: null, milliseconds: null });
      for (const [part, pattern] of Object.entries(wanted))
        expect(error[part as keyof typeof error], part).to.match(pattern);
      expect(result.stderr, 'a person reads the same').to.include(detail);
    });
});
