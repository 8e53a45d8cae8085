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

/** A line as V8 writes frames of a stack: indented by four, with a place, or with what stands for one where there is no file. */
const isFrame = (line: string): boolean =>
  /^ {4}at (?:.*:\d+\)?|(?:.* )?\(?<anonymous>\)?|.* \(native\)|.* \(index \d+\)|wasm:.*)$/.test(line);

/** Whether a line of a stack is a frame in code that is not the user's: the framework's, a package's of its own, Node's. */
export function isForeignFrame(line: string): boolean {
  if (!isFrame(line)) return false;
  const place = FRAME.exec(line)?.[1];
  // `<anonymous>`, `native`: nobody's file.
  if (place === undefined) return true;
  if (place.startsWith('node:')) return true;
  const path = pathOf(place);
  return ourFolders.some((folder) => isBelow(path, folder));
}

/** How the VMM's messages of an error begin, with their colour or without: see `bferror` and `bffatal`. */
// eslint-disable-next-line no-control-regex -- colours are escape sequences
const ERROR = /^(?:\u001b\[[0-9;]*m)?(?:FATAL )?ERROR: /;

/**
 * Finds the frames of code that is not the user's in a VMM's log, line by line. Stacks are part of errors only: any other line of a VMM is its
 * author's, whatever it looks like.
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

/** Errors from the one that was thrown last down to the one that led to it. */
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
 * @param folder places below it are relative to it; null: none are, for a reader whose folder is not known here.
 * @returns none for an error that no code of a user's took part in.
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

/** Everything that is known of how an error arose, for who works on the framework. */
export function fullTrace(error: unknown): string {
  return [...chain(error)].map(({ stack, message }) => stack ?? message).join('\ncaused by ');
}
