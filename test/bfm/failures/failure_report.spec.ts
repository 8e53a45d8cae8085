// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FailureReport } from '../../../src/bfm/failures/failure_report.js';
import { wantsRunReport } from '../../../src/bfm/failures/failure_report.js';
import { bfm, root } from '../bfm_process.js';

describe('wantsRunReport', () => {
  it('is for `run --json` only', () => {
    expect(wantsRunReport(['run', '--fly', '--json'])).to.equal(true);
    expect(wantsRunReport(['run', '--guest', 'cpuid'])).to.equal(false);
    expect(wantsRunReport(['describe', '--json'])).to.equal(false);
    expect(wantsRunReport(['run', '--', '--json'])).to.equal(false);
    expect(wantsRunReport([])).to.equal(false);
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
