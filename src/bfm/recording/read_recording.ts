// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { MAGIC, RECORDING_BEGINS } from '../snapshot/snapshot_header.js';
import { LineChain } from './line_chain.js';
import { RecordingError } from './recording_error.js';
import { entryOf, headerOf, RECORDING_VERSION, type RecordingEntry, type RecordingHeader } from './recording_format.js';

/** A recording as its file has it. */
export interface Recording {
  readonly file: string;
  readonly header: RecordingHeader;
  readonly entries: readonly RecordingEntry[];
}

const WANTED = 'a recording of bfm run --record';
const ADVICE = 'use a copy of the file as bfm wrote it, or record the run again';

function refuse(file: string, place: string, found: string, advice = ADVICE): RecordingError {
  return new RecordingError(`${place} cannot be replayed: ${found}`, {
    details: { where: file, found, expected: WANTED, advice },
  });
}

/** A file that does not begin as a recording does. */
function noRecording(file: string, content: Buffer): RecordingError {
  if (content.toString('latin1', 0, MAGIC.length) === MAGIC)
    return refuse(file, file, `it is a snapshot; bfm run --restore ${file} goes on from it`, 'use bfm run --restore');
  return refuse(file, file, 'it is no recording', 'give a file that bfm run --record or driver_load --record wrote');
}

function parsed(file: string, text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(file, `${file}:${number}`, 'this is not a line of a recording');
  }
}

/** A version that this program does not read is told first: its lines may have another form. */
function checkVersion(file: string, text: string): void {
  const { version } = parsed(file, text, 1) as { version?: unknown };
  if (version === RECORDING_VERSION) return;
  const found = `its format has version ${String(version)}, and this program reads ${RECORDING_VERSION}`;
  throw refuse(file, file, found, 'replay it with the bfm that recorded it, or record the run again');
}

/** A value of the file, or what is wrong with it. @throws RecordingError for the latter */
function checked<T extends object>(file: string, number: number, value: T | string): T {
  if (typeof value === 'string') throw refuse(file, `${file}:${number}`, value);
  return value;
}

/** Reads a recording. The last line of a run that was killed may be cut off: it does not count. @throws RecordingError with file and line */
export function readRecording(file: string): Recording {
  const flaw = fileFlaw(file);
  if (flaw !== undefined) throw refuse(file, file, flaw.sentence, 'name a file that can be read');
  const content = readFileSync(file);
  if (!content.subarray(0, RECORDING_BEGINS.length).equals(Buffer.from(RECORDING_BEGINS)))
    throw noRecording(file, content);
  const lines = content.toString('utf8').split('\n');
  // What follows the last end of a line was cut off, or is nothing.
  const isCut = lines.pop() !== '';
  const [first, ...rest] = lines;
  if (first === undefined) throw refuse(file, file, 'its first line is cut off');
  checkVersion(file, first);
  const chain = new LineChain();
  const valueOf = (text: string, number: number): unknown => parsed(file, opened(file, chain, text, number), number);
  const header = checked(file, 1, headerOf(valueOf(first, 1)));
  const entries = rest.map((text, index) => checked(file, index + 2, entryOf(valueOf(text, index + 2))));
  const end = entries.findIndex(({ kind }) => kind === 'end');
  if (end !== -1 && (isCut || end < entries.length - 1))
    throw refuse(file, `${file}:${end + 3}`, 'this follows the end of the recording');
  return { file, header, entries };
}

/** A line without its check. @throws RecordingError if that is wrong */
function opened(file: string, chain: LineChain, line: string, number: number): string {
  const text = chain.open(line);
  if (text !== undefined) return text;
  const before = number === 1 ? '' : ', or a line is missing before it';
  throw refuse(file, `${file}:${number}`, `this line was changed after it was written${before}`);
}
