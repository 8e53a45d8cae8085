// SPDX-License-Identifier: LGPL-2.1-only
// Mocha loads this file before the specs of `bfm test`. If a spec's top-level await never ends, or the spec calls process.exit, Mocha would end
// with status 0 and without a word, as if all tests had passed.

let isRunning = false;

process.on('exit', (status) => {
  if (isRunning || status !== 0) return;
  process.stderr.write(
    'bfm: no test was run: a top-level await of a spec has not come to its end, or a spec called process.exit. ' +
      'Await only what comes to its end, and leave the end of the process to Mocha\n',
  );
  process.exitCode = 1;
});

/** Mocha calls this when all specs are loaded and the run begins. */
export function mochaGlobalSetup(): void {
  isRunning = true;
}
