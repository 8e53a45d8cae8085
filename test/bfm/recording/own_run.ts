// SPDX-License-Identifier: LGPL-2.1-only
// Runs in the process of the tests, without a worker.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineChain } from '../../../src/bfm/recording/line_chain.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport, RunRequest } from '../../../src/bfm/worker/run_request.js';
import { root } from '../bfm_process.js';

export const cpuidCount = join(root, 'extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts');

/** One of our guests, without a VMM. */
export const plainRun = (guest: string, more: Partial<RunRequest> = {}): RunRequest => ({
  kernel: join(root, `build/guests/${guest}.bin`),
  append: '',
  memoryBytes: 16 << 20,
  processors: 1,
  cpu: 'skylake-client',
  modules: [],
  settings: {},
  start: 'off',
  pace: 'fast',
  testDevice: false,
  ...more,
});

/** The guest cpuid under cpuidcount. */
export const cpuidRun = plainRun('cpuid', { append: '100', modules: [cpuidCount], start: 'boot' });

/** Runs and records. @param type what is typed before it begins */
export function recordedRun(file: string, request: Partial<RunRequest> = {}, type = ''): Promise<RunReport> {
  const control = new RunControl();
  control.type(Buffer.from(type));
  const record = { file, withCode: false };
  return new MachineRun({ ...cpuidRun, record, ...request }, control, () => {}).run();
}

/** The lines of a recording without their checks, each with its end. */
export function linesOf(file: string): string[] {
  const chain = new LineChain();
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => chain.open(line)!);
}

/** A recording of these lines, with checks. */
export function sealed(lines: readonly string[]): string {
  const chain = new LineChain();
  return lines.map((line) => `${chain.seal(line)}\n`).join('');
}

/** Changes a recording as somebody would who calculates the checks too. */
export function rewrite(file: string, change: (text: string) => string): void {
  const lines = change(linesOf(file).join('\n'));
  writeFileSync(file, sealed(lines.split('\n')));
}
