// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { filesOf, hashOfFile } from '../recording/recorded_files.js';
import type { RecordedFile, RecordingHeader } from '../recording/recording_format.js';
import type { RunRequest } from '../worker/run_request.js';

/** The files of a recorded run on this computer. */
export interface FilesHere {
  /** With the files where they are now. */
  readonly request: RunRequest;
  /** What is wrong with each file that is not the recorded one. */
  readonly reasons: readonly string[];
}

/** Where a file with the recorded content is; undefined if it is nowhere. The recorded path is a hint: a recording is sent along with its files. */
function placeOf({ path, sha256 }: RecordedFile, recording: string): string | undefined {
  const nextToIt = join(dirname(recording), basename(path));
  return [path, nextToIt].find((place) => fileFlaw(place) === undefined && hashOfFile(place) === sha256);
}

function whyNot({ path, sha256 }: RecordedFile, isSnapshot: boolean): string {
  const what = isSnapshot ? `the snapshot ${path}, with which the run began,` : path;
  if (!existsSync(path))
    return `${what} does not exist, and the recording's folder has no file of this name and content`;
  const flaw = fileFlaw(path);
  if (flaw !== undefined) return `${what} cannot be read: ${flaw.sentence}`;
  if (!isSnapshot) return `${what} has another content than when the run was recorded`;
  return `${what} is another one now: its SHA-256 is ${hashOfFile(path)}, and the recording was made from ${sha256}`;
}

/** Looks for the files with which a recorded run began: where they were then, or next to the recording. @param recording its file */
export function filesHere(recording: string, { request, files }: RecordingHeader): FilesHere {
  const places = new Map(files.map((file) => [file.path, placeOf(file, recording)]));
  const snapshot = request.isRestored === true ? request.kernel : undefined;
  const reasons = files
    .filter(({ path }) => places.get(path) === undefined)
    .map((file) => whyNot(file, file.path === snapshot));
  const unknown = filesOf(request).filter((path) => !places.has(path));
  return {
    request: withPlaces(request, (path) => places.get(path) ?? path),
    reasons: [...reasons, ...unknown.map((path) => `the recording does not say which content ${path} had`)],
  };
}

function withPlaces(request: RunRequest, place: (path: string) => string): RunRequest {
  const { kernel, initrd, disks, symbols, virtioConsole } = request;
  return {
    ...request,
    kernel: place(kernel),
    ...(initrd && { initrd: initrd.map((each) => ({ ...each, file: place(each.file) })) }),
    ...(disks && { disks: disks.map((each) => ({ ...each, path: place(each.path) })) }),
    ...(symbols && { symbols: symbols.map((each) => ({ ...each, file: place(each.file) })) }),
    ...(virtioConsole?.input !== undefined && {
      virtioConsole: { ...virtioConsole, input: place(virtioConsole.input) },
    }),
  };
}
