// SPDX-License-Identifier: LGPL-2.1-only
// The style of src/machine/cpu, which tsc and prettier cannot read (eslint.config.mjs has its other laws), and `asc --noEmit` over the whole core. Prints each problem as
// file:line: rule and ends with status 1 if there is one. `--style` leaves asc out.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { filesBelow, root } from './build/paths.mjs';

/**
 * Characters of a line. Prettier keeps the other sources at 120; here an operation of the manual often is one line, and its casts, which TypeScript
 * does not need, make up the difference.
 */
const longest = 140;
const license = '// SPDX-License-Identifier: LGPL-2.1-only';
const exportedFunction = /^(@inline )?export function (\w+)/;

/** Problems of one file, each `line: rule`. */
export function problemsOf(text) {
  const lines = text.split('\n');
  const problems = [];
  const add = (index, rule) => problems.push(`${index + 1}: ${rule}`);
  if (lines[0] !== license) add(0, `the first line must be "${license}"`);
  let isSemantics = false;
  lines.forEach((line, index) => {
    if (line.includes('\t')) add(index, 'tabulator');
    if (/\s+$/.test(line)) add(index, 'white space at the end of the line');
    if (line.length > longest) add(index, `${line.length} characters; at most ${longest}`);
    const match = exportedFunction.exec(line);
    if (!match) return;
    if (/^[A-Z][A-Z0-9_]+$/.test(match[2])) isSemantics = true;
    // a doc comment may head a group: functions without an empty line between them
    let above = index - 1;
    while (above >= 0 && lines[above] !== '' && !/\*\/\s*$/.test(lines[above])) above--;
    if (!/\*\/\s*$/.test(lines[above] ?? '')) add(index, `exported function ${match[2]} has no doc comment`);
  });
  if (isSemantics && !/SDM/.test(text)) add(0, 'the file names no section of the SDM');
  if (lines.at(-1) !== '') add(lines.length - 1, 'no newline at the end of the file');
  return problems;
}

/** asc's errors in the sources that the build has put together; undefined if there is nothing to check yet. */
function compilerProblems() {
  const entry = join(root, 'build/cpu/source/cpu.ts');
  if (!existsSync(entry)) return 'build/cpu/source is missing: run node scripts/build.mjs first\n';
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
  const result = spawnSync(
    process.execPath,
    [
      '--stack-size=8000',
      asc,
      entry,
      '--noEmit',
      '--runtime',
      'stub',
      '--importMemory',
      '--exportTable',
      '--enable',
      'simd',
      '--disableWarning',
      '112',
      '--disableWarning',
      '201',
    ],
    { cwd: root, encoding: 'utf8' },
  );
  return result.status === 0 ? '' : (result.stdout + result.stderr).replaceAll('build/cpu/source/', 'src/machine/cpu/');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  let failed = false;
  for (const path of filesBelow('src/machine/cpu', (file) => file.endsWith('.ts'))) {
    for (const problem of problemsOf(readFileSync(path, 'utf8'))) {
      failed = true;
      console.error(`${relative(root, path)}:${problem}`);
    }
  }
  const messages = process.argv.includes('--style') ? '' : compilerProblems();
  if (messages !== '') console.error(messages);
  process.exitCode = failed || messages !== '' ? 1 : 0;
}
