// SPDX-License-Identifier: LGPL-2.1-only

/** The exit statuses by which a suite says that it skipped every test, or that it gave up. */
const SKIPPED = 77;
const ABORTED = 127;

/**
 * QEMU ends with (value << 1) | 1 when a value is written to its debug-exit port. A suite therefore writes its exit status shifted right,
 * and the machine reports what was written.
 */
const written = (exitStatus) => exitStatus >> 1;

/**
 * How a suite ended.
 *
 * @param {number | null} code exit status of `bfm run`
 * @param {number | null | undefined} debugExit what the suite wrote to the debug-exit port
 * @param {number} failures how many FAIL lines it printed
 */
export function verdict(code, debugExit, failures) {
  if (debugExit === written(SKIPPED)) return 'SKIP';
  if (debugExit === written(ABORTED)) return 'ABORT';
  if (code === 124) return 'TIMEOUT';
  if (code === 3) return 'DEAD';
  if (debugExit === null || debugExit === undefined) return 'ERROR';
  return debugExit === 0 && failures === 0 ? 'PASS' : 'FAIL';
}
