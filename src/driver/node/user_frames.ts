// SPDX-License-Identifier: LGPL-2.1-only
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from './package_paths.js';

const FRAME = /^\s*at (?:async )?(?:.* \()?(.+?):(\d+):(\d+)\)?$/;

const ourFolders = ['src', 'build', 'bin', 'scripts', 'node_modules'].map((name) => join(packageRoot, name));

const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

function pathOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place) : place;
}

/** A stack frame as V8 writes it: indented by four, with a place, or with a word such as `<anonymous>` if there is no file. */
const isFrame = (line: string): boolean =>
  /^ {4}at (?:.*:\d+\)?|(?:.* )?\(?<anonymous>\)?|.* \(native\)|.* \(index \d+\)|wasm:.*)$/.test(line);

/** Whether a line of a stack is a frame in code that is not the user's: the framework's, one of its packages', or Node's. */
export function isForeignFrame(line: string): boolean {
  if (!isFrame(line)) return false;
  const place = FRAME.exec(line)?.[1];
  // `<anonymous>`, `native`: nobody's file.
  if (place === undefined) return true;
  if (place.startsWith('node:')) return true;
  const path = pathOf(place);
  return ourFolders.some((folder) => isBelow(path, folder));
}

/** The beginning of the VMM's error messages, with or without colour: see `bferror` and `bffatal`. */
// eslint-disable-next-line no-control-regex -- colours are escape sequences
const ERROR = /^(?:\u001b\[[0-9;]*m)?(?:FATAL )?ERROR: /;

/**
 * Finds the frames of code that is not the user's in a VMM's log, line by line. Only errors have stacks. Any other line of a VMM is its author's, even
 * if it looks like a frame.
 */
export class ForeignFrames {
  private place: 'outside' | 'message' | 'stack' = 'outside';

  /** @returns whether the next line of the log is such a frame */
  isNext(line: string): boolean {
    if (ERROR.test(line)) this.place = 'message';
    if (this.place === 'outside') return false;
    if (isFrame(line)) this.place = 'stack';
    else if (this.place === 'stack') this.place = 'outside';
    return this.place === 'stack' && isForeignFrame(line);
  }
}

/** Drops the frames that are not the user's from a VMM's log. */
export function withoutForeignFrames(log: string): string {
  const frames = new ForeignFrames();
  return log
    .split('\n')
    .filter((line) => !frames.isNext(line))
    .join('\n');
}

/** A place as people type it: relative to a folder if it is below it. */
function shortened(frame: string, folder: string): string {
  const place = FRAME.exec(frame)?.[1];
  if (place === undefined) return frame.trim();
  const inside = relative(folder, pathOf(place));
  return frame.trim().replace(place, inside.startsWith('..') ? pathOf(place) : inside);
}

/** A chain of errors, from the error that was thrown last to its first cause. */
function* chain(error: unknown): Generator<Error> {
  for (let each = error; each instanceof Error; each = (each as { causedBy?: unknown }).causedBy) yield each;
}

/** A stack without the message before it: the message of an error that came from another process has frames of its own. */
function traceOf({ stack, message }: Error): string {
  return (stack ?? '').replace(message, () => '');
}

/**
 * The frames of the user's own code at which an error arose: those of the first cause that has any, as `at method (file:line:column)`.
 *
 * @param folder places below it become relative to it; null: all places stay absolute, if the reader's folder is not known.
 * @returns an empty list if no user's code took part.
 */
export function userFrames(error: unknown, folder: string | null = '.'): string[] {
  const frames = [...chain(error)].map((each) =>
    traceOf(each)
      .split('\n')
      .filter((line) => isFrame(line) && !isForeignFrame(line)),
  );
  const last = frames.filter((each) => each.length > 0).at(-1) ?? [];
  return last.map((frame) => (folder === null ? frame.trim() : shortened(frame, folder)));
}

/** The file, line and column of a frame. */
export function placeOfFrame(frame: string): string | undefined {
  const match = FRAME.exec(frame);
  return match === null ? undefined : `${match[1]}:${match[2]}:${match[3]}`;
}

/** All that is known about the origin of an error, for developers of the framework. */
export function fullTrace(error: unknown): string {
  return [...chain(error)].map(({ stack, message }) => stack ?? message).join('\ncaused by ');
}
