// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { hex } from '../../intrinsics/texts/hex.js';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { nothingExplored, type ExplorationState } from '../../session/explore/exploration_state.js';
import { FileError } from '../failures/file_error.js';
import { hashOfCore, recordedFilesOf } from '../recording/recorded_files.js';
import { recordedModulesOf } from '../recording/recorded_modules.js';
import { partialOf, replacedFile } from '../snapshot/replaced_file.js';
import type { ExploreRequest } from './explore_request.js';
import { hashOfPredicate } from './predicate_file.js';

const VERSION = 1;

const count = z.int().min(0);
/** How many ways there are to deviate further, then decision and processor of each deviation. */
const node = z.array(count).refine(({ length }) => length % 2 === 1);

const state: z.ZodType<ExplorationState> = z.strictObject({
  seed: z.int(),
  preemptions: count,
  round: count,
  parents: z.array(node),
  tried: z.array(node),
  open: z.array(count),
  next: count,
  counts: z.strictObject({ found: count, dead: count, ended: count, bound: count }),
  runs: z.array(count),
  decisions: count,
  failure: z
    .strictObject({
      schedule: z.array(z.strictObject({ decision: count, processor: count })),
      detail: z.string(),
      place: count,
    })
    .nullable(),
});

/** What was explored of which runs. The same numbers mean other runs if any of `about` is another one. */
const file = z.strictObject({
  kind: z.literal('exploration'),
  version: z.literal(VERSION),
  about: z.record(z.string(), z.unknown()),
  state,
});

/** All on which the runs of an exploration depend, by name. */
export type ExplorationFacts = Readonly<Record<string, unknown>>;

/** @throws ModuleFileError, FileError */
export async function factsOf({ run, predicate, instructions, watched }: ExploreRequest): Promise<ExplorationFacts> {
  const { kernel: _, modules, disks, initrd, virtioConsole, symbols: __, record: ___, ...machine } = run;
  const facts = {
    machine,
    'the bound of instructions': instructions,
    'the watched memory': watched.map(({ address, bytes }) => `${hex(address)},${bytes}`),
    'the processor core': hashOfCore(),
    'an image, a disk or the snapshot': recordedFilesOf(run).map(({ sha256 }) => sha256),
    'the number of its files': [
      disks?.length ?? 0,
      initrd?.map((each) => each.arguments) ?? [],
      virtioConsole !== undefined,
    ],
    'the code of a module': (await recordedModulesOf(modules, false)).map(({ sha256 }) => sha256),
    'the predicate': await hashOfPredicate(predicate),
  };
  return JSON.parse(JSON.stringify(facts)) as ExplorationFacts;
}

function unusable(path: string, found: string, expected: string, advice: string): FileError {
  return new FileError(`--resume ${path}: ${found}; ${advice}`, { details: { where: path, found, expected, advice } });
}

/** The next number of a round must be one of its schedules, and so must each that is open. */
function isConsistent({ round, parents, open, next }: ExplorationState): boolean {
  const size = round === 0 ? 1 : parents.reduce((sum, [children]) => sum + children!, 0);
  return next <= size && open.every((place) => place < next) && parents.every(({ length }) => length === 2 * round - 1);
}

function read(path: string): z.infer<typeof file> {
  const advice = 'name a file that bfm explore --resume wrote, or one that does not exist yet';
  const flaw = fileFlaw(path);
  if (flaw !== undefined) throw unusable(path, flaw.sentence, 'a file', advice);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw unusable(path, 'it is not JSON', 'an exploration', advice);
  }
  const parsed = file.safeParse(value);
  if (!parsed.success || !isConsistent(parsed.data.state))
    throw unusable(path, 'it is not an exploration of this version', `an exploration of version ${VERSION}`, advice);
  return parsed.data;
}

/**
 * What a file says was explored; nothing, if there is no file.
 *
 * @throws FileError for a file that is about other runs
 */
export function readExploration(
  path: string,
  about: ExplorationFacts,
  seed: number,
  preemptions: number,
): ExplorationState {
  if (!existsSync(path)) return nothingExplored(seed, preemptions);
  const saved = read(path);
  const advice = 'explore with the same options and files, or name another file';
  const other = Object.keys(about).find((name) => !isDeepStrictEqual(about[name], saved.about[name]));
  if (other !== undefined)
    throw unusable(path, `it is about other runs: ${other} differs`, `the same ${other}`, advice);
  if (saved.state.seed === seed && saved.state.preemptions === preemptions) return saved.state;
  const [found, expected] = [saved.state, { seed, preemptions }].map(
    (each) => `seed ${each.seed}, ${each.preemptions} preemptions`,
  );
  throw unusable(path, `it is about ${found!}`, expected!, advice);
}

/** @throws FileError */
export function writeExploration(path: string, about: ExplorationFacts, explored: ExplorationState): void {
  const replaced = replacedFile(path);
  const failed = (found: string): FileError =>
    unusable(path, `it cannot be written: ${found}`, 'a file', 'name a file in a folder of yours');
  if ('flaw' in replaced) throw failed(replaced.flaw.sentence);
  const partial = partialOf(replaced.target);
  try {
    writeFileSync(partial, `${JSON.stringify({ kind: 'exploration', version: VERSION, about, state: explored })}\n`, {
      mode: 0o600,
      flag: 'wx',
    });
    renameSync(partial, replaced.target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw failed(error instanceof Error ? error.message : String(error));
  }
}
