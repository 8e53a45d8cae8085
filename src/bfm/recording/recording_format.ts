// SPDX-License-Identifier: LGPL-2.1-only
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { flawsOf } from '../../driver/node/data_flaws.js';
import { MEMORY_LIMITS } from '../../machine/boot/memory_map.js';
import { MOST_DISKS, MOST_PROCESSORS } from '../../machine/limits.js';
import { processorModels } from '../../machine/models/processor_models.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import type { RunRequest } from '../worker/run_request.js';

/** The version of the format that this program writes, and the only one that it reads. */
export const RECORDING_VERSION = 6;

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{16}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string();
/** bfm writes whole paths. A relative one would lead to a file of the folder in which somebody opens the recording. */
const path = text.refine((value) => isAbsolute(value), 'expected an absolute path');

const moment = z.strictObject({
  turn: count,
  exit: z.int().exactOptional(),
  isWithin: z.literal(true).exactOptional(),
  instructions: count,
  virtualTime: count,
});

const request = z.strictObject({
  kernel: path,
  isRestored: z.literal(true).exactOptional(),
  isStartGiven: z.literal(true).exactOptional(),
  initrd: z.array(z.strictObject({ file: path, arguments: text })).exactOptional(),
  disks: z
    .array(z.strictObject({ path, isWritable: z.boolean() }))
    .max(MOST_DISKS)
    .exactOptional(),
  virtioConsole: z.strictObject({ output: path, input: path.exactOptional() }).exactOptional(),
  symbols: z
    .array(
      z.strictObject({
        file: path,
        offset: z
          .string()
          .regex(/^-?\d+$/)
          .exactOptional(),
      }),
    )
    .exactOptional(),
  append: text,
  memoryBytes: z.int().min(MEMORY_LIMITS.smallest).max(MEMORY_LIMITS.largest).multipleOf(0x10000),
  processors: z.int().min(1).max(MOST_PROCESSORS),
  cpu: z.enum(processorModels.map(({ name }) => name)),
  modules: z.array(path),
  settings: z.record(text, text),
  start: z.enum(['boot', 'late', 'off']),
  startAt: text.exactOptional(),
  until: text.exactOptional(),
  pace: z.enum(['real', 'fast']),
  rtcStart: z.int().exactOptional(),
  traceVmcs: z.boolean().exactOptional(),
  exitCost: count.exactOptional(),
  testDevice: z.boolean(),
});

/** A file that the machine reads, with the hash of its content. */
const file = z.strictObject({ path, sha256 });
export type RecordedFile = z.infer<typeof file>;

/** A module of the VMM: the hash of its bundle, and with `--with-code` the bundle. */
const module = file.extend({ code: text.exactOptional() });
export type RecordedModule = z.infer<typeof module>;

/** The first line: the machine at power-on, or the snapshot from which it goes on. `files` has the hash of that. */
const header = z.strictObject({
  kind: z.literal('recording'),
  version: z.literal(RECORDING_VERSION),
  request,
  /** The compiled processor core. */
  core: sha256,
  files: z.array(file),
  modules: z.array(module),
});
export type RecordingHeader = Omit<z.infer<typeof header>, 'request'> & { readonly request: RunRequest };

/** Bytes as a text of the characters U+0000 … U+00FF. */
const bytes = z.string().regex(/^[\0-\xff]*$/);

/** The modules of a load that comes next. */
const modulesLine = z.strictObject({ kind: z.literal('modules'), modules: z.array(module) });

const line = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('typed'), at: moment, bytes }),
  z.strictObject({ kind: z.literal('call'), at: moment, method: text, params: z.unknown() }),
  z.strictObject({ kind: z.literal('turn'), at: moment, processor: count }),
  modulesLine,
  z.strictObject({ kind: z.literal('state'), at: moment, brief: hash, hash: hash.exactOptional() }),
  z.strictObject({
    kind: z.literal('end'),
    at: moment.exactOptional(),
    outcome: text,
    instructions: count,
    virtualTime: count,
    hash,
  }),
]);
type Line = z.infer<typeof line>;

/** What follows the first line. */
export type RecordingEntry = RecordedItem | z.infer<typeof modulesLine>;

/** An entry as a line of the file, without its end. */
export function lineOf(entry: RecordingEntry): string {
  return JSON.stringify(entry.kind === 'event' ? eventLine(entry) : entry);
}

function eventLine({ at, event }: Extract<RecordingEntry, { kind: 'event' }>): Line {
  if (event.kind === 'call') return { kind: 'call', at, method: event.method, params: event.params ?? null };
  if (event.kind === 'turn') return { kind: 'turn', at, processor: event.processor };
  return { kind: 'typed', at, bytes: String.fromCharCode(...event.bytes) };
}

/** The first line. @returns what is wrong with it, as a text */
export function headerOf(value: unknown): RecordingHeader | string {
  const parsed = header.safeParse(value);
  return parsed.success ? parsed.data : whyNot(parsed.error, value);
}

/** Another line. @returns what is wrong with it, as a text */
export function entryOf(value: unknown): RecordingEntry | string {
  const { success, error, data } = line.safeParse(value);
  if (!success) return whyNot(error, value);
  switch (data.kind) {
    case 'typed':
      return { kind: 'event', at: data.at, event: { kind: 'typed', bytes: [...Buffer.from(data.bytes, 'latin1')] } };
    case 'call':
      return { kind: 'event', at: data.at, event: { kind: 'call', method: data.method, params: data.params } };
    case 'turn':
      return { kind: 'event', at: data.at, event: { kind: 'turn', processor: data.processor } };
    default:
      return data;
  }
}

const whyNot = (error: z.ZodError, value: unknown): string =>
  `not what a recording has there: ${flawsOf(error, value, 'the line')}`;
