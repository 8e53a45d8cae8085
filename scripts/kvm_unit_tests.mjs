// SPDX-License-Identifier: LGPL-2.1-only
// npm run test:kvm-unit-tests -- DIR [SUITE…] [--timeout S] [--cpu MODEL] [--cpus N] [--json]
// Runs the suites of a kvm-unit-tests checkout that was built elsewhere, on the bare machine, and counts the tests' own PASS and FAIL lines. With
// no SUITE: those that a processor of the machine's model should pass. The suite vmx is run subtest by subtest, each a boot of its own; the name of
// a subtest is a SUITE too. Exit status 1 if a suite fails.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './build/paths.mjs';
import { readSuites } from './kvm_unit_tests/suites.mjs';
import { verdict } from './kvm_unit_tests/verdict.mjs';

/** The suites that run by default. Others run by name. */
const DEFAULT_SUITES = [
  'realmode',
  'emulator',
  'idt_test',
  'access',
  'debug',
  'eventinj',
  'memory',
  'smap',
  'umip',
  'xsave',
];

function usage(message) {
  console.error(
    `test:kvm-unit-tests: ${message}\nusage: npm run test:kvm-unit-tests -- DIR [SUITE…] [--timeout SECONDS] [--cpu MODEL] [--cpus N] [--json]`,
  );
  process.exit(2);
}

/** Runs one suite: its console, and the machine's report. */
function run(folder, suite, scratch, { timeout, cpu = suite.cpu, cpus = String(suite.processors) }) {
  const environment = join(scratch, 'environment');
  const testDevice = suite.testDevice ? 1 : 0;
  writeFileSync(environment, `NR_CPUS=${cpus}\nMEMSIZE=${suite.memory}\nTEST_DEVICE=${testDevice}\nBOOTLOADER=0\n`);
  const args = ['run', '--kernel', join(folder, 'x86', suite.file), '--initrd', environment, '--append', suite.args];
  args.push(
    '--memory',
    `${suite.memory}M`,
    '--cpus',
    cpus,
    '--test-device',
    '--start',
    'off',
    '--pace',
    'fast',
    '--json',
    '--timeout',
    timeout,
  );
  if (cpu !== undefined) args.push('--cpu', cpu);
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [join(root, 'bin/bfm.mjs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let json = '';
    let console = '';
    child.stdout.on('data', (data) => (json += data));
    child.stderr.on('data', (data) => (console += data));
    child.on('error', failed);
    child.on('exit', (code) => done({ code, console, report: json === '' ? undefined : JSON.parse(json) }));
  });
}

const { values: options, positionals } = parseArgs({
  options: {
    timeout: { type: 'string', default: '300' },
    cpu: { type: 'string' },
    cpus: { type: 'string' },
    json: { type: 'boolean' },
    verbose: { type: 'boolean' },
  },
  allowPositionals: true,
});
const [folder, ...wanted] = positionals;
if (folder === undefined) usage('which folder has the built kvm-unit-tests?');
if (!existsSync(join(folder, 'x86', 'unittests.cfg'))) usage(`${folder} has no x86/unittests.cfg`);
const suites = readSuites(folder);
const names = wanted.length > 0 ? wanted.flatMap((name) => suites.get(name)?.subtests ?? [name]) : DEFAULT_SUITES;
const scratch = mkdtempSync(join(tmpdir(), 'kvm-unit-tests-'));
const results = [];
try {
  for (const name of names) {
    const suite = suites.get(name) ?? usage(`there is no suite ${name} in x86/unittests.cfg`);
    if (!existsSync(join(folder, 'x86', suite.file))) usage(`${suite.file} was not built`);
    const outcome = await run(folder, suite, scratch, options);
    const lines = outcome.console.split('\n');
    const pass = lines.filter((line) => line.startsWith('PASS')).length;
    const fail = lines.filter((line) => line.startsWith('FAIL'));
    const result = {
      name,
      verdict: verdict(outcome.code, outcome.report?.machine?.debugExit, fail.length),
      pass,
      fail: fail.length,
      instructions: outcome.report?.machine?.instructions,
    };
    results.push(result);
    if (!options.json) {
      console.log(`${result.verdict.padEnd(8)} ${name.padEnd(24)} ${pass} PASS lines, ${fail.length} FAIL lines`);
      for (const line of fail) console.log(`         ${line}`);
      if (!['PASS', 'SKIP'].includes(result.verdict) && fail.length === 0)
        console.log(
          lines
            .slice(-25)
            .map((line) => `         | ${line}`)
            .join('\n'),
        );
      if (options.verbose) console.log(outcome.console);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (options.json) console.log(JSON.stringify(results));
process.exitCode = results.every((result) => ['PASS', 'SKIP'].includes(result.verdict)) ? 0 : 1;
