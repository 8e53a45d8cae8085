// SPDX-License-Identifier: LGPL-2.1-only
// Runs in the process of the tests, without a worker.
import { join } from 'node:path';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport, RunRequest } from '../../../src/bfm/worker/run_request.js';
import { root } from '../bfm_process.js';

export const cpuidCount = join(root, 'extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts');

/** The guest cpuid under cpuidcount. */
export const cpuidRun: RunRequest = {
  kernel: join(root, 'build/guests/cpuid.bin'),
  append: '100',
  memoryBytes: 16 << 20,
  processors: 1,
  cpu: 'skylake-client',
  modules: [cpuidCount],
  settings: {},
  start: 'boot',
  pace: 'fast',
  testDevice: false,
};

/** Runs and records. @param type what is typed before it begins */
export function recordedRun(file: string, request: Partial<RunRequest> = {}, type = ''): Promise<RunReport> {
  const control = new RunControl();
  control.type(Buffer.from(type));
  const record = { file, withCode: false };
  return new MachineRun({ ...cpuidRun, record, ...request }, control, () => {}).run();
}
