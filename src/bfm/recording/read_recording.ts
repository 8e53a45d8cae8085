// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { RecordingError } from './recording_error.js';
import { entryOf, headerOf, RECORDING_VERSION, type RecordingEntry, type RecordingHeader } from './recording_format.js';

/** A recording as its file has it. */
export interface Recording {
  readonly file: string;
  readonly header: RecordingHeader;
  readonly entries: readonly RecordingEntry[];
}

const WANTED = 'a recording of bfm run --record';

function refuse(file: string, place: string, found: string): RecordingError {
  return new RecordingError(`${place} cannot be replayed: ${found}`, {
    details: { where: place, found, expected: WANTED, advice: `${file} must be as bfm wrote it` },
  });
}

function parsed(file: string, text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(file, `${file}:${number}`, 'this is not a line of a recording');
  }
}

/** A version that this program does not read is worth more than a list of what differs. */
function versionOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'recording'
    ? (value as { version?: unknown }).version
    : undefined;
}

function readHeader(file: string, text: string): RecordingHeader {
  const value = parsed(file, text, 1);
  const version = versionOf(value);
  if (version === undefined) throw refuse(file, file, 'it is no recording');
  if (version !== RECORDING_VERSION)
    throw refuse(file, file, `its format has version ${String(version)}, and this program reads ${RECORDING_VERSION}`);
  const header = headerOf(value);
  if (typeof header === 'string') throw refuse(file, `${file}:1`, header);
  return header;
}

/** Reads a recording. The last line of a run that was killed may be cut off: it does not count. @throws RecordingError with file and line */
export function readRecording(file: string): Recording {
  const flaw = fileFlaw(file);
  if (flaw !== undefined) throw refuse(file, file, flaw.sentence);
  const lines = readFileSync(file, 'utf8').split('\n');
  // What follows the last end of a line was cut off, or is nothing.
  lines.pop();
  const [first, ...rest] = lines;
  if (first === undefined) throw refuse(file, file, 'it is no recording');
  const header = readHeader(file, first);
  const entries = rest.map((text, index) => {
    const entry = entryOf(parsed(file, text, index + 2));
    if (typeof entry === 'string') throw refuse(file, `${file}:${index + 2}`, entry);
    return entry;
  });
  return { file, header, entries };
}
