// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MOST_DISKS, MOST_PROCESSORS } from '../../machine/limits.js';
import { processorModel, processorModels } from '../../machine/models/processor_models.js';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { FileError } from '../failures/file_error.js';
import { parseGdbAddress } from '../gdb/gdb_address.js';
import { findGuest, type FoundGuest } from '../guests/find_guest.js';
import { checkAll, checkEach } from '../options/check_all.js';
import type { InspectOptions } from '../options/inspect_address.js';
import { checkExtensionFolders, findModuleFile } from '../options/folders.js';
import { refuseReplacing } from '../options/refuse_replacing.js';
import { parseDecimal } from '../options/number.js';
import { parseSettings } from '../options/settings.js';
import { parseMemorySize } from '../options/memory_size.js';
import type { ConsoleRequest } from '../worker/console_file.js';
import type {
  DiskRequest,
  GdbRequest,
  InitrdRequest,
  RecordRequest,
  RunRequest,
  StartMode,
  SymbolsRequest,
} from '../worker/run_request.js';
import { instrumentRequest, type InstrumentOptions } from '../instruments/instrument_options.js';
import { checkRestore, checkSaved, saveRequest, type SnapshotOptions } from './snapshot_options.js';
import { UsageError } from '../failures/usage_error.js';
import { parseDumpCompiled, parseTier } from '../options/tier_option.js';

/** The options of `bfm run` as the command-line parser gives them. */
export interface RunOptions extends SnapshotOptions, InspectOptions, InstrumentOptions {
  readonly disk?: readonly string[];
  readonly virtioConsole?: string;
  readonly symbols?: readonly string[];
  readonly exitCost?: string;
  readonly tier: string;
  readonly dumpCompiled?: string;
  readonly module: readonly string[];
  readonly extensions: readonly string[];
  readonly set: readonly string[];
  readonly startAt?: string;
  readonly timeout?: string;
  readonly pace?: string;
  readonly record?: string;
  readonly withCode: boolean;
  readonly realClock: boolean;
  readonly gdb?: string | true;
  readonly wait?: boolean;
  readonly traceVmcs?: boolean;
  readonly watch?: boolean;
  readonly stats: boolean;
  readonly json: boolean;
}

/** The absolute path of a file that can be read. @throws UsageError, FileError */
export function existingFile(option: string, path: string): string {
  if (path === '') throw UsageError.ofOption(option, path, 'the name of a file');
  const full = resolve(path);
  const details = { where: option, expected: 'a file that can be read' };
  const flaw = fileFlaw(full);
  if (flaw === undefined) return full;
  throw new FileError(`${option} ${path}: ${flaw.sentence}`, { details: { ...details, found: flaw.found } });
}

/** Splits `FILE ARGS`. The whole text is the name if there is such a file, else the name ends at the first space. */
function nameAndArguments(text: string): { name: string; rest: string } {
  const space = text.indexOf(' ');
  if (space < 0 || existsSync(resolve(text))) return { name: text, rest: '' };
  return { name: text.slice(0, space), rest: text.slice(space + 1).trim() };
}

function ramDisk(text: string): InitrdRequest {
  const { name, rest } = nameAndArguments(text);
  const file = existingFile('--initrd', name);
  if (statSync(file).size === 0)
    throw new FileError(`--initrd ${name} is an empty file`, {
      details: { where: '--initrd', found: 'no bytes', expected: 'a RAM disk or a module', advice: 'leave it out' },
    });
  return { file, arguments: rest };
}

/** Behind the name of a disk image that the guest may change. */
const WRITE = ',write';

function disk(text: string): DiskRequest {
  const isWritable = text.endsWith(WRITE);
  const path = existingFile('--disk', isWritable ? text.slice(0, -WRITE.length) : text);
  return { path: realpathSync(path), isWritable };
}

/** The guest's own disk comes first. Two disks over one file that changes would destroy its file system. */
function allDisks(given: readonly DiskRequest[], own: string | undefined): DiskRequest[] {
  const requests = [...(own === undefined ? [] : [{ path: realpathSync(own), isWritable: false }]), ...given];
  const twice = requests.find(({ path }, i) => requests.some((other, j) => i !== j && path === other.path));
  if (twice !== undefined && requests.some(({ path, isWritable }) => path === twice.path && isWritable))
    throw new UsageError(`--disk ${twice.path} is named twice, and may be changed`, {
      details: { where: '--disk', found: twice.path, expected: 'a file for each disk', advice: 'copy the file' },
    });
  if (requests.length > MOST_DISKS)
    throw new UsageError(`${requests.length} disks are given: the simulated PC takes at most ${MOST_DISKS} disks`);
  return requests;
}

/** `FILE` or `FILE@OFFSET`. The whole text is the name if there is such a file. */
export function symbolsRequest(text: string): SymbolsRequest {
  const at = existsSync(resolve(text)) ? -1 : text.lastIndexOf('@');
  if (at < 0) return { file: existingFile('--symbols', text) };
  const [file, offset] = [text.slice(0, at), text.slice(at + 1)];
  const isNegative = offset.startsWith('-');
  const value = parseDecimal(isNegative ? offset.slice(1) : offset, '--symbols FILE@OFFSET:');
  return { file: existingFile('--symbols', file), offset: String(isNegative ? -value : value) };
}

/** Between the output and the input of a console. */
const INPUT = ',input=';

function virtioConsole(text: string): ConsoleRequest {
  const [output, input] = text.includes(INPUT)
    ? [text.slice(0, text.lastIndexOf(INPUT)), text.slice(text.lastIndexOf(INPUT) + INPUT.length)]
    : [text];
  if (output === undefined || output === '')
    throw UsageError.ofOption('--virtio-console', text, "'FILE' or 'FILE,input=FILE'");
  const typed = input === undefined ? {} : { input: existingFile('--virtio-console', input) };
  return { output: resolve(output), ...typed };
}

/** What `--record` and `--with-code` say. */
function recordRequest({ record, withCode, realClock }: RunOptions): RecordRequest | undefined {
  if (record !== undefined && realClock)
    throw new UsageError('--record and --real-clock exclude each other: no run has the same time of the host twice');
  if (record === '') throw UsageError.ofOption('--record', record, 'the name of a file');
  if (record !== undefined) return { file: resolve(record), withCode };
  if (withCode) throw new UsageError('--with-code says what a recording has: give --record too');
  return undefined;
}

/** @throws UsageError */
function checkWatch({ watch, module, record, withCode }: RunOptions): void {
  if (watch !== true) return;
  if (module.length === 0) throw new UsageError('--watch wants modules to watch: name them with -m');
  if (record !== undefined && !withCode)
    throw new UsageError('--watch with --record wants --with-code: a replay needs the code of each version');
}

/** What `--wait` says, if there is a port for GDB. */
function gdbRequest({ gdb, wait, save, timeout }: RunOptions): GdbRequest | undefined {
  if (gdb === undefined && wait === true) throw new UsageError('--wait is for a debugger: give --gdb too');
  if (gdb === undefined) return undefined;
  if (save !== undefined)
    throw new UsageError('--gdb and --save exclude each other: a debugger decides where the run stops');
  if (timeout !== undefined)
    throw new UsageError('--gdb and --timeout exclude each other: a debugger may hold the machine for any time');
  parseGdbAddress(gdb);
  return { waits: wait === true };
}

/** The default guest under modules: it prints, executes some CPUIDs and switches the power off. */
const GUEST_OF_MODULES = 'cpuid';

/** The kernel with what belongs to it. */
function whatToRun(options: RunOptions): FoundGuest {
  if (options.guest !== undefined && options.kernel !== undefined)
    throw new UsageError('--guest and --kernel exclude each other');
  if (options.restore !== undefined) return { kernel: existingFile('--restore', options.restore), commandLine: '' };
  if (options.guest !== undefined) return findGuest(options.guest);
  if (options.kernel !== undefined) return { kernel: existingFile('--kernel', options.kernel), commandLine: '' };
  if (options.module.length > 0) return findGuest(GUEST_OF_MODULES);
  throw new UsageError('say what to run: --guest NAME, --kernel FILE or --restore FILE');
}

/** The RAM disk that belongs to the guest. */
const ownRamDisk = ({ initrd }: FoundGuest): InitrdRequest[] | undefined =>
  initrd === undefined ? undefined : [{ file: initrd, arguments: '' }];

/** A text to wait for. */
function textOf(option: string, text: string | undefined): string | undefined {
  if (text === '') throw new UsageError(`${option} wants a text`);
  return text;
}

function startMode({ start, startAt: text, restore }: RunOptions, hasModules: boolean): StartMode {
  const startAt = textOf('--start-at', text);
  if (startAt !== undefined && start !== undefined && start !== 'late')
    throw new UsageError(`--start-at is for --start late, not --start ${start}`);
  if (start === undefined) return startAt !== undefined ? 'late' : !hasModules ? 'off' : restore ? 'late' : 'boot';
  if (start !== 'boot' && start !== 'late' && start !== 'off')
    throw UsageError.ofOption('--start', start, 'boot, late or off');
  return start;
}

const hasStart = ({ start, startAt }: RunOptions): boolean => start !== undefined || startAt !== undefined;

function processors(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_PROCESSORS)
    throw UsageError.ofOption('--cpus', text, `a number of processors from 1 to ${MOST_PROCESSORS}`);
  return count;
}

/** The name of a processor model. */
function cpu(name: string): string {
  if (processorModel(name) !== undefined) return name;
  const names = processorModels.map((model) => model.name);
  throw UsageError.ofOption(
    '--cpu',
    name,
    `a processor model: ${names.join(' or ')}`,
    "'bfm describe model' has more about them",
  );
}

/** Node's timers count milliseconds in 31 bits; a longer one would end at once. */
export const LONGEST_TIMEOUT = Math.floor((2 ** 31 - 1) / 1000);

/** @returns seconds, or undefined if there is no limit. */
export function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds <= 0) {
    throw UsageError.ofOption('--timeout', text, 'a positive number of seconds');
  }
  if (seconds > LONGEST_TIMEOUT)
    throw UsageError.ofOption('--timeout', text, `at most ${LONGEST_TIMEOUT} seconds`, 'leave it out for no limit');
  return seconds;
}

function pace(text: string | undefined, isTerminal: boolean): 'real' | 'fast' {
  if (text === undefined) return isTerminal ? 'real' : 'fast';
  if (text !== 'real' && text !== 'fast') throw UsageError.ofOption('--pace', text, 'real or fast');
  return text;
}

const dateAndTime = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?)?$/;

/** JavaScript takes February 30 for a day in March. */
function isDay(date: string): boolean {
  const time = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

/** Without a zone it is UTC: the machine must not depend on the zone of the computer. */
function rtcStart(text: string | undefined): { rtcStart?: number } {
  if (text === undefined) return {};
  const [, date, time = '00:00', zone = 'Z'] = dateAndTime.exec(text) ?? [];
  const milliseconds = date === undefined || !isDay(date) ? NaN : Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(milliseconds))
    throw UsageError.ofOption('--rtc', text, 'a date and time such as 2020-01-01T00:00:00Z');
  return { rtcStart: Math.floor(milliseconds / 1000) };
}

/** Virtual time of a VM exit. A turn that takes seconds would be no turn. */
const MOST_EXIT_COST = 1_000_000;

function exitCost(text: string | undefined): { exitCost?: number } {
  if (text === undefined) return {};
  const nanoseconds = /^\d+$/.test(text) ? Number(text) : -1;
  if (nanoseconds < 0 || nanoseconds > MOST_EXIT_COST)
    throw UsageError.ofOption('--exit-cost', text, `nanoseconds from 0 to ${MOST_EXIT_COST}`);
  return nanoseconds === 0 ? {} : { exitCost: nanoseconds };
}

/** The default of `--cpus`. */
export const ONE = '1';

/** The default of `--memory`, for guests that have none of their own. */
export const DEFAULT_MEMORY = '256M';

/** What each option says by itself. */
function separateValues(options: RunOptions, isTerminal: boolean) {
  const hasModules = options.module.length > 0;
  return checkAll({
    processors: () => processors(options.cpus),
    cpu: () => cpu(options.cpu),
    memoryBytes: () => (options.memory === undefined ? undefined : parseMemorySize(options.memory)),
    timeout: () => parseTimeout(options.timeout),
    until: () => textOf('--until', options.until),
    save: () => saveRequest(options),
    restored: () => checkRestore(options, { cpu: processorModels[0].name, cpus: ONE }),
    start: () => startMode(options, hasModules),
    pace: () => pace(options.pace, isTerminal),
    rtcStart: () => rtcStart(options.rtc),
    exitCost: () => exitCost(options.exitCost),
    tier: () => parseTier(options.tier),
    dumpCompiled: () => parseDumpCompiled(options.dumpCompiled, options.tier),
    settings: () => parseSettings(options.set, hasModules),
    folders: () => checkExtensionFolders(options.extensions),
    modules: () => checkEach(options.module, (name) => findModuleFile(name, options.extensions)),
    initrd: () => options.initrd && checkEach(options.initrd, ramDisk),
    disks: () => checkEach(options.disk ?? [], disk),
    symbols: () => checkEach(options.symbols ?? [], symbolsRequest),
    console: () => (options.virtioConsole === undefined ? undefined : virtioConsole(options.virtioConsole)),
    record: () => recordRequest(options),
    watch: () => checkWatch(options),
    gdb: () => gdbRequest(options),
    instruments: () => instrumentRequest(options),
    guest: () => whatToRun(options),
  });
}

/** Each output is another file than what is read and than the outputs before it. @throws UsageError */
function refuseReplacingAny(
  read: readonly (string | undefined)[],
  outputs: readonly (readonly [option: string, file: string | undefined])[],
): void {
  const taken = [...read];
  for (const [option, file] of outputs) {
    if (file !== undefined) refuseReplacing(option, file, taken);
    taken.push(file);
  }
}

/**
 * Checks the options of `bfm run`.
 * @param isTerminal whether the guest's console is a terminal.
 * @throws UsageError, FileError or GuestError that names the impossible option; FaultsError that names all of them.
 */
export function checkRunOptions(options: RunOptions, isTerminal: boolean): RunRequest {
  const { guest, until, save, timeout: _, folders: __, watch: ___, ...values } = separateValues(options, isTerminal);
  const initrd = values.initrd ?? ownRamDisk(guest);
  const disks = allDisks(values.disks, guest.disk);
  const { console, record, gdb, symbols, instruments } = values;
  const images = [guest.kernel, ...disks.map(({ path }) => path), ...(initrd ?? []).map(({ file }) => file)];
  const read = [...images, ...values.modules, console?.input, ...symbols.map(({ file }) => file)];
  // A run may be saved into the snapshot with which it began.
  const saved = options.restore === undefined ? read : read.filter((file) => file !== guest.kernel);
  const outputs = [
    ['--virtio-console', console?.output],
    ['--record', record?.file],
    ['--trace', instruments.trace?.file],
    ['--profile', instruments.profile?.file],
  ] as const;
  refuseReplacingAny(read, outputs);
  refuseReplacingAny([...saved, ...outputs.map(([, file]) => file)], [['--save', save?.path]]);
  if (record !== undefined && save !== undefined)
    throw new UsageError(
      '--record excludes --save, which ends the run: save a machine of bfm driver_load --record with bfm save',
    );
  const request: RunRequest = {
    kernel: guest.kernel,
    ...(options.restore !== undefined && { isRestored: true as const }),
    ...(save !== undefined && { save }),
    ...(initrd && { initrd }),
    ...(disks.length > 0 && { disks }),
    ...(console && { virtioConsole: console }),
    ...(symbols.length > 0 && { symbols }),
    append: [guest.commandLine, options.append].filter((part) => part !== '').join(' '),
    memoryBytes: values.memoryBytes ?? parseMemorySize(guest.memory ?? DEFAULT_MEMORY),
    processors: values.processors,
    cpu: values.cpu,
    modules: values.modules,
    settings: values.settings,
    start: values.start,
    ...(options.restore !== undefined && hasStart(options) && { isStartGiven: true as const }),
    ...(options.startAt !== undefined && { startAt: options.startAt }),
    ...(until !== undefined && { until }),
    pace: values.pace,
    ...values.rtcStart,
    ...values.exitCost,
    ...values.tier,
    ...values.dumpCompiled,
    ...(options.realClock && { realClock: true }),
    ...(options.traceVmcs === true && { traceVmcs: true }),
    testDevice: options.testDevice,
    ...(record && { record }),
    ...(gdb && { gdb }),
    ...instruments,
  };
  checkSaved(request);
  return request;
}
