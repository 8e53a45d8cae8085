// SPDX-License-Identifier: LGPL-2.1-only
// Runs that begin from a snapshot or end in one.
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { BootFile } from '../../machine/boot/entry_state.js';
import type { Driver } from '../../driver/driver.js';
import type { SeededGlobals } from '../../driver/handler_globals.js';
import { RestoreError, type SavedDriver } from '../../driver/saved_driver.js';
import { RTC_DEFAULT_START } from '../../machine/devices/rtc.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import type { MachineSession } from '../../session/machine_session.js';
import { moduleName } from '../options/folders.js';
import { hashOfFile } from '../recording/recorded_files.js';
import { SnapshotError } from '../snapshot/snapshot_error.js';
import type { MachineState } from '../../machine/state/machine_state.js';
import { readSnapshot, writeSnapshot, type RunPlace, type Snapshot } from '../snapshot/snapshot_file.js';
import type { SnapshotFacts, SnapshotHeader } from '../snapshot/snapshot_header.js';
import type { ConsoleRequest } from '../worker/console_file.js';
import type { RunRequest, SaveRequest } from '../worker/run_request.js';
import { NO_VMM_TO_VERIFY } from './snapshot_options.js';

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The machine of a snapshot, with what else a run asks for. */
export function requestOf(
  request: RunRequest,
  { memoryBytes, processors, model, testDevice, rtcStart, exitCost }: SnapshotHeader,
): RunRequest {
  return {
    ...request,
    memoryBytes,
    processors,
    cpu: model,
    testDevice,
    rtcStart,
    ...(exitCost !== undefined && { exitCost }),
  };
}

/** Reads the snapshot of a run, and checks that the run can go on from it. @throws SnapshotError */
export async function snapshotOf(request: RunRequest): Promise<Snapshot> {
  const snapshot = await readSnapshot(request.kernel);
  checkDisks(request, snapshot.header, snapshot.state.disks);
  checkConsole(request, snapshot.header);
  if (snapshot.driver?.image !== undefined) checkOptionsOfVmm(request, snapshot.driver, snapshot.header);
  return snapshot;
}

/** A disk of a snapshot is what is written there over a file. @throws SnapshotError */
export function checkDisks(
  { kernel, disks = [] }: RunRequest,
  header: Pick<SnapshotHeader, 'disks'>,
  written: MachineState['disks'],
): void {
  if (disks.length !== header.disks.length) {
    const names = header.disks.map(({ name }) => name).join(', ') || 'none';
    throw new SnapshotError(
      `${kernel} has disks (${names}), and ${disks.length} are given: name each of them by --disk, in this order`,
      { details: { where: kernel, found: `${disks.length} disks`, expected: `${header.disks.length} disks` } },
    );
  }
  header.disks.forEach(({ name, sha256 }, i) => {
    const { path, isWritable } = disks[i]!;
    if (isWritable && written[i]!.blocks.numbers.length > 0)
      throw new SnapshotError(
        `--disk ${path}: ${kernel} has what its guest wrote to this disk, which stays in memory; leave ",write" out`,
      );
    const found = hashOfFile(path);
    if (found !== sha256)
      throw new SnapshotError(`--disk ${path} is not the disk ${name} of ${kernel}: its bytes are others`, {
        details: { where: path, found: `SHA-256 ${found}`, expected: `SHA-256 ${sha256}` },
      });
  });
}

const digestOfTyped = ({ input }: ConsoleRequest): string =>
  input === undefined ? digestOf(new Uint8Array()) : hashOfFile(input);

/** A console goes on with the same input. @throws SnapshotError */
function checkConsole({ kernel, virtioConsole }: RunRequest, header: Pick<SnapshotHeader, 'virtioConsole'>): void {
  const expected = header.virtioConsole?.typed;
  const found = virtioConsole && digestOfTyped(virtioConsole);
  if (found === expected) return;
  const [why, advice] =
    expected === undefined
      ? ['has no virtio console', 'leave --virtio-console out']
      : found === undefined
        ? ['has a virtio console', 'say by --virtio-console where its output goes, and name its input if it had one']
        : ['has a virtio console at which something else is typed', 'name the same input again'];
  throw new SnapshotError(`${kernel} ${why}: ${advice}`, {
    details: { where: '--virtio-console', found: found ?? 'none', expected: expected ?? 'none', advice },
  });
}

/** Makes a machine go on from a snapshot. @throws SnapshotError, MachineStateError */
export function restoreMachine({ pc, lastOutput }: MachineSession, { header, state }: Snapshot, path: string): void {
  pc.restore(state);
  lastOutput.restore(Buffer.from(header.lastOutput, 'base64'));
  const hash = pc.stateHash();
  if (hash === header.stateHash) return;
  throw SnapshotError.damaged(path, `the restored machine has state hash ${hash} instead of ${header.stateHash}`);
}

/** What is known about the files of a run when it begins. What is below the disks counts when it is saved. */
export type RunFacts = Omit<SnapshotFacts, 'disks'>;

const disksOf = ({ disks = [] }: RunRequest): SnapshotFacts['disks'] =>
  disks.map(({ path }) => ({ name: basename(path), sha256: hashOfFile(path), bytes: statSync(path).size }));

/** What a snapshot says about the files of a run. @param images the kernel and the RAM disks */
export function factsOf(request: RunRequest, images: readonly BootFile[]): RunFacts {
  return {
    testDevice: request.testDevice,
    ...(request.exitCost !== undefined && { exitCost: request.exitCost }),
    virtioConsole: request.virtioConsole === undefined ? null : { typed: digestOfTyped(request.virtioConsole) },
    images: images.map(({ name, bytes }) => ({ name, sha256: digestOf(bytes) })),
    append: request.append,
    moduleFiles: [...request.modules],
    rtcStart: request.rtcStart ?? RTC_DEFAULT_START,
  };
}

/** A run that is to be saved. */
export interface RunToSave {
  readonly session: MachineSession;
  readonly driver: Driver | undefined;
  /** About its files. */
  readonly facts: RunFacts;
  /** What its modules see; undefined if that is the host's. */
  readonly globals: SeededGlobals | undefined;
}

function placeOf({ session: { pc, lastOutput }, globals }: RunToSave): RunPlace {
  const { instructions, virtualTime } = pc;
  const console = Buffer.from(lastOutput.save()).toString('base64');
  return { instructions, virtualTime, stateHash: pc.stateHash(), seed: globals?.seed ?? 0, lastOutput: console };
}

/**
 * Saves a run, with its VMM if it has a driver.
 *
 * @param request of the run. @returns for people: where, and what was verified
 * @throws SnapshotError, MachineStateError; UnmarkedStateError, VmmImageError for state of an extension
 */
export async function saveRun(
  run: RunToSave,
  { path, verifies }: Pick<SaveRequest, 'path' | 'verifies'>,
  request: RunRequest,
): Promise<string> {
  const { session, driver } = run;
  const facts = { ...run.facts, disks: disksOf(request) };
  const place = placeOf(run);
  const saved = { machine: session.pc.save(), driver: driver?.save() };
  const note =
    verifies === true
      ? await verified(run, saved, { ...request, testDevice: facts.testDevice, rtcStart: facts.rtcStart })
      : '';
  await writeSnapshot(path, saved.machine, facts, place, saved.driver);
  return `${path}${note}`;
}

/** @returns what was compared, for people; the run is where it was. @throws SnapshotError */
async function verified(
  { session, driver, globals }: RunToSave,
  { machine, driver: vmm }: { machine: MachineState; driver: SavedDriver | undefined },
  request: RunRequest,
): Promise<string> {
  if (driver === undefined || vmm?.isRunning !== true) throw new SnapshotError(NO_VMM_TO_VERIFY);
  // Loaded only if needed, as the VMM is.
  const { verifyState } = await import('./verified_state.js');
  const { pc } = session;
  const point = pc.mark();
  const back = driver.mark();
  const seed = globals?.seed;
  const run = { pc, driver, globals };
  const exits = await session.unheard(() => verifyState(run, { machine, driver: vmm }, request));
  pc.reset(point);
  back.reset();
  if (globals !== undefined && seed !== undefined) globals.seed = seed;
  if (exits === 0) return '; the guest ended before another VM exit, so --verify-state had none to compare';
  return `; a machine restored from it had ${exits === 1 ? 'the same VM exit' : `the same ${groupedDigits(exits)} VM exits`}`;
}

/** The options that name the modules of a snapshot. */
const moduleOptions = (files: readonly string[]): string => files.map((file) => `-m ${moduleName(file)}`).join(' ');

function refuse(option: string, why: string, advice: string): never {
  throw new SnapshotError(`${option}: ${why}; ${advice}`, { details: { where: option, found: why, advice } });
}

/** Refuses what a run cannot ask of the VMM of its snapshot. @throws SnapshotError */
function checkOptionsOfVmm(request: RunRequest, saved: SavedDriver, { moduleFiles }: SnapshotHeader): void {
  const { kernel, settings, modules, start, startAt, isStartGiven, traceVmcs } = request;
  if (saved.modules.length > 0 && modules.length === 0) {
    const advice = `add ${moduleOptions(moduleFiles)}`;
    throw new SnapshotError(`${kernel} has a VMM with modules, and no file brings code along: ${advice}`, {
      details: { where: kernel, found: 'no -m', expected: moduleFiles.join(', '), advice },
    });
  }
  const [name] = Object.keys(settings);
  if (name !== undefined)
    refuse(`--set ${name}`, `the VMM of ${kernel} keeps the parameters that it was saved with`, 'leave it out');
  if (saved.isRunning && isStartGiven === true)
    refuse(
      startAt === undefined ? `--start ${start}` : '--start-at',
      `the VMM of ${kernel} is running already`,
      'leave it out',
    );
  if (traceVmcs === true && !saved.traceVmcs)
    refuse('--trace-vmcs', `the VMM of ${kernel} was started without it`, 'leave it out, or save that run with it');
}

/** Makes a VMM go on. @throws RestoreError that says which modules it had; ModuleLoadError, VmmImageError */
export async function restoreVmm(driver: Driver, saved: SavedDriver, { moduleFiles }: SnapshotHeader): Promise<void> {
  try {
    await driver.restore(saved);
  } catch (error) {
    if (!(error instanceof RestoreError) || moduleFiles.length === 0) throw error;
    const advice = `it was saved with ${moduleOptions(moduleFiles)}`;
    throw new RestoreError(`${error.message}; ${advice}`, { causedBy: error, details: { ...error.details, advice } });
  }
}
