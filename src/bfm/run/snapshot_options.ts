// SPDX-License-Identifier: LGPL-2.1-only
import { UsageError } from '../failures/usage_error.js';
import { snapshotOutput } from '../snapshot/snapshot_output.js';
import type { RunRequest, SaveRequest } from '../worker/run_request.js';

/** The options of `bfm run` that snapshots have to do with, as the command-line parser gives them. */
export interface SnapshotOptions {
  readonly guest?: string;
  readonly kernel?: string;
  readonly initrd?: readonly string[];
  readonly append: string;
  readonly memory?: string | undefined;
  readonly cpus: string;
  readonly cpu: string;
  readonly start?: string;
  readonly until?: string;
  readonly save?: string;
  readonly saveAt?: string;
  readonly restore?: string;
  readonly verifyState?: boolean;
  readonly rtc?: string;
  readonly exitCost?: string;
  readonly testDevice: boolean;
}

/** Before a text that begins with a digit, which would otherwise be an instruction. */
const TEXT = 'text:';

/** When the machine is saved. @throws UsageError */
function saveMoment(text: string): SaveRequest['at'] {
  if (text === '' || text === TEXT) throw UsageError.ofOption('--save-at', text, 'a text, or a number of instructions');
  // A mistyped number would be waited for in vain.
  if (/^[-+]?\d/.test(text) && !/^\d+$/.test(text))
    throw UsageError.ofOption(
      '--save-at',
      text,
      "a number of instructions, or 'text:…' for a text that begins with a digit",
    );
  if (!/^\d+$/.test(text)) return text.startsWith(TEXT) ? text.slice(TEXT.length) : text;
  const instruction = Number(text);
  if (instruction >= 1 && Number.isSafeInteger(instruction)) return instruction;
  throw UsageError.ofOption('--save-at', text, `a number of instructions from 1 to ${Number.MAX_SAFE_INTEGER}`);
}

/** What `--save` and `--save-at` say. @throws UsageError */
export function saveRequest({ save, saveAt, until, verifyState }: SnapshotOptions): SaveRequest | undefined {
  if (verifyState === true && save === undefined) throw new UsageError('--verify-state wants --save FILE');
  if (save === undefined && saveAt === undefined) return undefined;
  if (save === undefined) throw new UsageError('--save-at wants --save FILE');
  if (saveAt === undefined)
    throw new UsageError('--save wants --save-at: a text of the console, or a number of instructions');
  if (until !== undefined)
    throw new UsageError('--until and --save-at exclude each other: the run ends when it is saved');
  return {
    path: snapshotOutput('--save', save),
    at: saveMoment(saveAt),
    ...(verifyState === true && { verifies: true }),
  };
}

/** The options that say which machine to make. @param defaults of the command line. @returns those that are given */
function givenOfMachine(options: SnapshotOptions, defaults: Pick<SnapshotOptions, 'cpu' | 'cpus'>): string[] {
  const given: Readonly<Record<string, boolean>> = {
    '--guest': options.guest !== undefined,
    '--kernel': options.kernel !== undefined,
    '--initrd': options.initrd !== undefined,
    '--append': options.append !== '',
    '--memory': options.memory !== undefined,
    '--cpu': options.cpu !== defaults.cpu,
    '--cpus': options.cpus !== defaults.cpus,
    '--rtc': options.rtc !== undefined,
    '--exit-cost': options.exitCost !== undefined,
    '--test-device': options.testDevice,
  };
  return Object.keys(given).filter((option) => given[option]);
}

/** With `--restore`, the snapshot says which machine to make. @throws UsageError */
export function checkRestore(options: SnapshotOptions, defaults: Pick<SnapshotOptions, 'cpu' | 'cpus'>): void {
  if (options.restore === undefined) return;
  const given = givenOfMachine(options, defaults);
  if (given.length > 0)
    throw new UsageError(`--restore excludes ${given.join(', ')}: the snapshot says which machine it is`);
  if (options.start === 'boot')
    throw new UsageError('--restore excludes --start boot: the guest of a snapshot is running; use --start late');
}

/** Why a state cannot be verified. */
export const NO_VMM_TO_VERIFY =
  '--verify-state compares VM exits, and no VMM would run: name one with -m, or leave it out';

/** What a run that is saved cannot have. @throws UsageError */
export function checkSaved({ save, disks = [], start, isRestored }: RunRequest): void {
  if (save === undefined) return;
  if (save.verifies === true && start === 'off' && isRestored !== true) throw new UsageError(NO_VMM_TO_VERIFY);
  const writable = disks.find(({ isWritable }) => isWritable);
  if (save.verifies === true && writable !== undefined)
    throw new UsageError(
      `--verify-state lets the machine go on after the saved moment, where it would change ${writable.path}: leave ",write" out`,
    );
}
