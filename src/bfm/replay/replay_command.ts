// SPDX-License-Identifier: LGPL-2.1-only
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { SharedRun } from '../../site/machine/run_link.js';
import { whileInterruptsGoTo } from '../console/interrupts.js';
import { ExitStatus } from '../failures/exit_status.js';
import { UsageError } from '../failures/usage_error.js';
import { givenLink, refuseCode } from '../link/given_link.js';
import type { LinkRequest } from '../link/link_request.js';
import { inspectAddress, inspectOptions, type InspectOptions } from '../options/inspect_address.js';
import { checkEach } from '../options/check_all.js';
import { DEFAULT_GDB_PORT, gdbHint, parseGdbAddress, type GdbAddress } from '../gdb/gdb_address.js';
import { parseWhoTarget, type WhoTarget } from '../gdb/who_target.js';
import { packageRoot } from '../../driver/node/package_paths.js';
import { instrumentRequest, type InstrumentOptions } from '../instruments/instrument_options.js';
import { checkExtensionFolders, findModuleFile } from '../options/folders.js';
import { refuseReplacing } from '../options/refuse_replacing.js';
import { dumpCompiledOption, parseDumpCompiled, parseTier, TIER_HELP } from '../options/tier_option.js';
import { parseSize } from '../options/memory_size.js';
import { exitStatusOf, outcomeLine, reportTable, instrumentLines } from '../run/run_report.js';
import { symbolsOption, instrumentOptions } from '../run/machine_options.js';
import { parseTimeout, symbolsRequest } from '../run/run_options.js';
import { RunSession } from '../run/run_session.js';
import { killThisProcess, outputWritten } from '../worker/end_worker.js';
import type { PointReport, RunReport } from '../worker/run_request.js';
import type { InstrumentRequest } from '../instruments/run_instruments.js';
import { parseReplayPoint } from './replay_point.js';
import type { ReplayRequest } from './replay_request.js';

interface ReplayOptions extends InspectOptions, InstrumentOptions {
  readonly until: readonly string[];
  readonly checkpoints: string;
  readonly compare: boolean;
  readonly gdb?: string | true;
  readonly who?: string;
  readonly symbols?: readonly string[];
  readonly module: readonly string[];
  readonly extensions: readonly string[];
  readonly site?: string;
  readonly allowCode: boolean;
  readonly timeout?: string;
  readonly tier: string;
  readonly dumpCompiled?: string;
  readonly stats: boolean;
  readonly json: boolean;
}

const STATUS = `
Exit status:
  0 the run was the recorded one, or the point of --until was reached; 1 error, also for a damaged recording, and for a
  recording that ended before the point of --until; 2 usage; 4 the run differs from the recorded one, and the first
  interval of instructions in which it does is named; 5 the recording has no end (its run was killed, or the file was
  cut), and up to its last line there was no difference; 124 time-out; 130 interrupted.

Nothing is read from stdin. No file of the recorded run changes: writes to a disk stay in memory, and what a virtio
console prints goes nowhere.
`;

const DEFAULT_CHECKPOINTS = '1G';

/** The command `bfm replay`. @param done takes its exit status. */
export function replayCommand(done: (status: ExitStatus) => void): Command {
  return instrumentOptions(inspectOptions(new Command('replay')))
    .description('repeat a recorded run, or the run of a link of the page, and compare it with the recording')
    .argument(
      '<file>',
      'what bfm run --record or bfm driver_load --record wrote; or a link of the page: the address in quotes, or a file that has it',
    )
    .option(
      '--until <point>',
      "stop there and show the processors: after so many instructions, 'exit N': after VM exit N, or once a text is on the console ('text:…' if it begins with a digit or 'exit'); repeatable: from one point to the next, back too",
      (point: string, before: readonly string[]) => [...before, point],
      [],
    )
    .option('--checkpoints <size>', 'memory for the checkpoints with which it goes back', DEFAULT_CHECKPOINTS)
    .option(
      '--compare',
      'run it twice, with its own modules and with those of -m, and show the VM exits of both side by side from the first difference on',
      false,
    )
    .option('-m, --module <file...>', 'with --compare: module file, or the name of an extension; repeatable', [])
    .option('-e, --extensions <dir...>', 'another folder to look for extensions in; repeatable', [])
    .option(...symbolsOption)
    .option(
      '--gdb [address]',
      `a port for GDB, which goes back too: of 127.0.0.1 (default: ${DEFAULT_GDB_PORT}), or unix:PATH; the replay waits for it`,
    )
    .option(
      '--who <what>',
      "show the last write before the point of --until, or before the end. WHAT is memory at a linear address (0x1000; 0x1000,8 for 8 bytes), at a physical address (phys:0x1000) or at a name of the guest (jiffies_64,8); a VMCS field (HOST_SS_SELECTOR); or an MSR (IA32_LSTAR, msr:0x1a0). '@1' after it means processor 1",
    )
    .option(
      '--site <folder>',
      'of a link: the site that has its guest and extensions (default: build/site of this package)',
    )
    .option(
      '--allow-code',
      'run the code that the file brings: the extension of a link, which is shown without this, or what --with-code recorded',
      false,
    )
    .option('--timeout <seconds>', 'give up when the guest has run for this time')
    .option('--tier <mode>', TIER_HELP, 'on')
    .option(...dumpCompiledOption)
    .option('--stats', 'more figures in the table at the end', false)
    .option('--json', "one JSON object on stdout at the end, the guest's console on stderr", false)
    .addHelpText('after', STATUS)
    .action(async (file: string, options: ReplayOptions) => done(await replay(file, options)));
}

async function replay(file: string, options: ReplayOptions): Promise<ExitStatus> {
  const link = givenLink(file);
  if (link !== undefined) return replayLink(link, options);
  if (options.site !== undefined) throw new UsageError('--site is for a link of the page, not for a recording');
  const until = options.until.map(parseReplayPoint);
  const checkpoints = parseSize('--checkpoints', options.checkpoints);
  const compare = comparedModules(options);
  const symbols = options.symbols && checkEach(options.symbols, symbolsRequest);
  const gdb = gdbAddress(options);
  const who = whoseWriter(options);
  const instruments = replayedInstruments(file, options);
  const dumpCompiled = shownCode(options);
  const recording = resolve(file);
  // A file that is no recording is refused before a worker is started. Loaded only if needed, as what reads it takes time to load.
  const { readRecording } = await import('../recording/read_recording.js');
  const read = readRecording(recording);
  if (!options.allowCode) await (await import('./foreign_code.js')).refuseForeignCode(read);
  const request: ReplayRequest = {
    recording,
    until,
    checkpoints,
    ...(symbols && { symbols }),
    ...(gdb && { gdb: true }),
    ...(who && { who }),
    ...parseTier(options.tier),
    ...dumpCompiled,
    ...instruments,
    ...(compare && { compare }),
  };
  return runAgain(request, options, new URL('./replay_worker.js', import.meta.url), gdb);
}

/** The run of a link. @throws UsageError, LinkError */
async function replayLink(run: SharedRun, options: ReplayOptions): Promise<ExitStatus> {
  const {
    until,
    compare,
    module,
    symbols,
    checkpoints,
    site = join(packageRoot, 'build', 'site'),
    allowCode,
  } = options;
  const isForRecordings =
    until.length > 0 || compare || module.length > 0 || symbols !== undefined || checkpoints !== DEFAULT_CHECKPOINTS;
  const { trace, profile } = instrumentRequest(options);
  const goesBackOrWatches = [options.gdb, options.who, options.dumpCompiled, trace, profile].some(
    (each) => each !== undefined,
  );
  if (isForRecordings || goesBackOrWatches)
    throw new UsageError(
      'the run of a link goes to its end: --until, --compare, -m, --symbols, --gdb, --who, --dump-compiled, --trace, --profile and --checkpoints are for recordings',
    );
  if (!allowCode) refuseCode(run);
  const request: LinkRequest = { run, site: resolve(site) };
  return runAgain(request, options, new URL('../link/link_worker.js', import.meta.url));
}

/** Runs a worker to its end, and shows its report. */
async function runAgain(
  request: object,
  options: ReplayOptions,
  workerFile: URL,
  gdb?: GdbAddress,
): Promise<ExitStatus> {
  const session = new RunSession(
    request,
    {
      timeout: parseTimeout(options.timeout),
      inspect: inspectAddress(options),
      console: options.json ? process.stderr : process.stdout,
      vmm: process.stderr,
      gdb,
      listening: (target) => process.stderr.write(`bfm: ${gdbHint(target)}\n`),
      colours: process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
    },
    workerFile,
  );
  const report = await whileInterruptsGoTo(
    () => session.interrupt(),
    () => session.run(),
  );
  show(report, options);
  // A blocked thread of the machine would keep this process alive for ever.
  if (session.isBlocked) await outputWritten().then(killThisProcess);
  return exitStatusOf(report, undefined);
}

/** Where GDB connects to. @throws UsageError, FileError */
function gdbAddress({ gdb, until, compare, timeout }: ReplayOptions): GdbAddress | undefined {
  if (gdb === undefined) return undefined;
  if (until.length > 0 || compare || timeout !== undefined)
    throw new UsageError('--gdb excludes --until, --compare and --timeout: a debugger decides where the replay stops');
  return parseGdbAddress(gdb);
}

/** Whose last writer is wanted. @throws UsageError */
function whoseWriter({ who, until, gdb, compare }: ReplayOptions): WhoTarget | undefined {
  if (who === undefined) return undefined;
  if (until.length > 1 || gdb !== undefined || compare)
    throw new UsageError('--who excludes --gdb and --compare, and goes with one --until');
  return parseWhoTarget(who);
}

/** The place of the compiled code that is shown. @throws UsageError */
function shownCode({ dumpCompiled, tier, gdb, who, compare }: ReplayOptions): Pick<ReplayRequest, 'dumpCompiled'> {
  if (dumpCompiled !== undefined && (gdb !== undefined || who !== undefined || compare))
    throw new UsageError('--dump-compiled excludes --gdb, --who and --compare: it is of one run');
  return parseDumpCompiled(dumpCompiled, tier);
}

/** A trace and a profile have the time of one run, forwards. @throws UsageError */
function replayedInstruments(file: string, options: ReplayOptions): InstrumentRequest {
  const request = instrumentRequest(options);
  const { trace, profile } = request;
  if (trace === undefined && profile === undefined) return request;
  const option = trace === undefined ? '--profile' : '--trace';
  if (options.compare) throw new UsageError(`${option} excludes --compare: it is of one run`);
  if (options.until.length > 1) throw new UsageError(`${option} takes one --until: it goes forward only`);
  if (options.gdb !== undefined || options.who !== undefined)
    throw new UsageError(`${option} excludes --gdb and --who, which go back: it goes forward only`);
  if (trace !== undefined) refuseReplacing('--trace', trace.file, [resolve(file)]);
  if (profile !== undefined) refuseReplacing('--profile', profile.file, [resolve(file), trace?.file]);
  return request;
}

/** The module files of `-m`. @throws UsageError */
function comparedModules({ compare, module, extensions, until }: ReplayOptions): string[] | undefined {
  if (compare !== module.length > 0) throw new UsageError('--compare and -m go together: -m names the other modules');
  if (compare && until.length > 0)
    throw new UsageError('--compare excludes --until: it goes on to the first difference');
  checkExtensionFolders(extensions);
  return compare ? module.map((name) => findModuleFile(name, extensions)) : undefined;
}

/** A point that was reached, and the processors there. */
const pointLines = ({ point, milliseconds, detail }: PointReport): string =>
  `${point} reached in ${(milliseconds / 1000).toFixed(3)} s\n${detail}`;

function show(report: RunReport, { json, stats }: ReplayOptions): void {
  const { points = [] } = report;
  const last = report.outcome === 'reached' ? [] : [outcomeLine(report, undefined)];
  const { lastWrite } = report;
  const lines = [...points.map(pointLines), ...(lastWrite === undefined ? [] : [lastWrite.text]), ...last].map(
    (line) => `bfm: ${line}\n`,
  );
  if (json) {
    const { outcome, ...rest } = report;
    const exitStatus = exitStatusOf(report, undefined);
    process.stdout.write(`${JSON.stringify({ outcome, exitStatus, ...rest })}\n`);
    if (exitStatus !== ExitStatus.Reached) process.stderr.write(`bfm: ${outcomeLine(report, undefined)}\n`);
    return;
  }
  process.stderr.write(lines.join(''));
  process.stderr.write(instrumentLines(report));
  if (report.machine.instructions > 0) process.stderr.write(reportTable(report, stats));
}
