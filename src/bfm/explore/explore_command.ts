// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { MOST_PROCESSORS } from '../../machine/limits.js';
import { nothingExplored } from '../../session/explore/exploration_state.js';
import { whileInterruptsGoTo } from '../console/interrupts.js';
import { ExitStatus } from '../failures/exit_status.js';
import { UsageError } from '../failures/usage_error.js';
import { Progress } from '../make_guest/progress.js';
import { refuseReplacing } from '../options/refuse_replacing.js';
import { snapshotOutput } from '../snapshot/snapshot_output.js';
import { machineOptions } from '../run/machine_options.js';
import { checkRunOptions, existingFile, LONGEST_TIMEOUT, parseTimeout, type RunOptions } from '../run/run_options.js';
import type { RecordRequest, RunRequest } from '../worker/run_request.js';
import { factsOf, readExploration, writeExploration } from './exploration_file.js';
import { hashOfPredicate } from './predicate_file.js';
import { exploreLines, exploreObject, progressOf, type ExploreReport } from './explore_report.js';
import type { ExploreRequest } from './explore_request.js';
import { ExploreRun, type ExploreResult } from './explore_run.js';
import { parseWatchedWrites } from './watched_writes.js';

interface ExploreCommandOptions extends Omit<RunOptions, 'until' | 'stats'> {
  readonly until: string;
  readonly preemptions: string;
  readonly instructions: string;
  readonly seed: string;
  readonly workers: string;
  readonly watchWrites: readonly string[];
  readonly resume?: string;
}

const HELP = `
The default export of --until's FILE is a function. It takes the run (machine, memory, processors, exits, reports: Predicate in
bareflank/machine), and returns true or a text that describes the failure, or false. See docs/exploring_schedules.md.

Exit status:
  0 all schedules were tried, and the predicate holds in none; 1 error; 2 usage; 6 the predicate holds under a schedule,
  which is shown; 124 time-out; 130 interrupted. --resume goes on after the last two.
`;

const MOST_WORKERS = 64;
const MOST_PREEMPTIONS = 100;
const LARGEST_SEED = 2 ** 31 - 1;

/** The command `bfm explore`. @param done takes its exit status. */
export function exploreCommand(done: (status: ExitStatus) => void): Command {
  const command = machineOptions(new Command('explore'))
    .description('look for a schedule of the processors under which a predicate holds, the shortest first')
    .requiredOption('--until <file>', 'TypeScript or JavaScript file of the predicate')
    .option('--preemptions <n>', 'try schedules with at most this many preemptions', '3')
    .option('--instructions <n>', 'end a run after this many instructions of all processors together', '1000000')
    .option('--seed <n>', 'seed of the random order among schedules with equally many preemptions', '0')
    .option(
      '--watch-writes <address[,bytes]>',
      'also switch processors after a write of a processor to this physical memory: 8 bytes by default; repeatable',
      (value: string, before: readonly string[]) => [...before, value],
      [] as readonly string[],
    )
    .option('--workers <n>', 'threads, each with a machine of its own', '1')
    .option('--resume <file>', 'keep in this file what was explored, and go on from it if the file exists')
    .option('--timeout <seconds>', 'give up after this time')
    .option('--json', 'one JSON object on stdout at the end', false)
    .addHelpText('after', HELP)
    .action(async (options: ExploreCommandOptions) => done(await explore(options)));
  const record = command.options.find(({ long }) => long === '--record');
  record!.description = 'record the run under the shortest failing schedule, for bfm replay';
  return command;
}

function wholeNumber(option: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw UsageError.ofOption(option, text, `a whole number from ${least} to ${most}`);
}

/** The run that is explored. @throws BareflankError */
function runOf({ until: _, timeout: __, ...options }: ExploreCommandOptions): RunRequest {
  if (options.realClock)
    throw new UsageError(
      '--real-clock makes runs that nobody can repeat, so their schedules cannot be explored; leave it out',
    );
  const request = checkRunOptions({ ...options, stats: false }, false);
  if (request.isRestored !== true && request.processors < 2)
    throw UsageError.ofOption(
      '--cpus',
      options.cpus,
      `a number of processors from 2 to ${MOST_PROCESSORS}: one has nothing to take turns with`,
    );
  if (request.start === 'off')
    throw new UsageError(
      options.start === undefined
        ? 'without -m no VMM runs, so there are no VM exits to explore; name its modules with -m'
        : '--start off: no VMM runs, so there are no VM exits to explore; leave it out',
    );
  return request;
}

async function explore(options: ExploreCommandOptions): Promise<ExitStatus> {
  const { record, ...run } = runOf(options);
  if (record !== undefined) snapshotOutput('--record', record.file);
  const predicate = existingFile('--until', options.until);
  const request: ExploreRequest = {
    run,
    predicate,
    instructions: wholeNumber('--instructions', options.instructions, 1),
    watched: options.watchWrites.map(parseWatchedWrites),
  };
  const preemptions = wholeNumber('--preemptions', options.preemptions, 0, MOST_PREEMPTIONS);
  const seed = wholeNumber('--seed', options.seed, 0, LARGEST_SEED);
  const workers = wholeNumber('--workers', options.workers, 1, MOST_WORKERS);
  const timeout = parseTimeout(options.timeout);
  const path = options.resume === undefined ? undefined : snapshotOutput('--resume', options.resume);
  if (path !== undefined) refuseReplacing('--resume', path, [run.kernel, predicate, ...run.modules, record?.file]);
  await hashOfPredicate(predicate); // Refused before a machine is made.
  const file = path === undefined ? undefined : { path, about: await factsOf(request) };
  const state = file && readExploration(file.path, file.about, seed, preemptions);
  const exploring = new ExploreRun(request, workers, state ?? nothingExplored(seed, preemptions));
  const started = performance.now();
  let ended: Ended;
  try {
    ended = await runToEnd(exploring, timeout, record);
  } finally {
    if (file !== undefined) writeExploration(file.path, file.about, exploring.state);
  }
  const seconds = (performance.now() - started) / 1000;
  const report: ExploreReport = { ...ended, state: exploring.state, seconds, recording: record?.file, resume: path };
  process.stderr.write(exploreLines(report));
  if (options.json) process.stdout.write(`${JSON.stringify(exploreObject(report))}\n`);
  return ended.status;
}

/** How an exploration ended, and the exit status for it. */
interface Ended {
  readonly result: ExploreResult;
  readonly status: ExitStatus;
}

const STATUS = { found: ExitStatus.Found, explored: ExitStatus.Reached } as const;

/** A time-out and Ctrl-C stop it. */
async function runToEnd(
  exploring: ExploreRun,
  timeout: number | undefined,
  record: RecordRequest | undefined,
): Promise<Ended> {
  let stopped = ExitStatus.Interrupted;
  const deadline = setTimeout(
    () => {
      stopped = ExitStatus.Timeout;
      exploring.stop();
    },
    (timeout ?? LONGEST_TIMEOUT) * 1000,
  );
  const progress = new Progress(process.stderr, process.stderr.isTTY === true);
  try {
    const result = await whileInterruptsGoTo(
      () => exploring.stop(),
      () =>
        progress.step(
          'exploring',
          () => exploring.run(record),
          () => progressOf(exploring.runs),
        ),
    );
    return { result, status: result.end === 'stopped' ? stopped : STATUS[result.end] };
  } finally {
    clearTimeout(deadline);
  }
}
