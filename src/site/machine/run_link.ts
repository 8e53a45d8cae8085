// SPDX-License-Identifier: LGPL-2.1-only
// A run as the end of a URL: what the machine began with, what came in and when, and the state in which it was.
import { strFromU8, strToU8, unzlibSync, zlibSync } from 'fflate';
import { z } from 'zod';

/** Characters that a link has at most. Servers and mail programs take longer ones badly. */
export const MOST_LINK = 8192;

/** Counts the versions of links. */
const VERSION = 1;

const count = z.number().min(0);
const moment = z.strictObject({
  turn: z.int().min(0),
  exit: z.int().min(0).exactOptional(),
  instructions: z.int().min(0),
  virtualTime: count,
});
const event = z.union([
  z.strictObject({ kind: z.literal('typed'), bytes: z.array(z.int().min(0).max(255)) }),
  z.strictObject({
    kind: z.literal('call'),
    method: z.enum(['load', 'start', 'stop']),
    params: z.strictObject({
      modules: z.array(z.string()).exactOptional(),
      settings: z.record(z.string(), z.string()).exactOptional(),
    }),
  }),
]);
const item = z.union([
  z.strictObject({ kind: z.literal('event'), at: moment, event }),
  z.strictObject({
    kind: z.literal('end'),
    at: moment.exactOptional(),
    outcome: z.string(),
    instructions: z.int().min(0),
    virtualTime: count,
    hash: z.string().regex(/^[0-9a-f]{16}$/),
  }),
]);
const sharedRun = z.strictObject({
  /** `SiteGuest.id` of the guest. */
  guest: z.string(),
  processors: z.int().min(1).max(8),
  /** Events, and the end with its state hash. */
  items: z.array(item),
  /** Sources of the extensions that were written in the page, by name. */
  sources: z.record(z.string(), z.string()),
});

/** A run from its beginning to the moment at which the link was made. */
export type SharedRun = z.infer<typeof sharedRun>;

const toText = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const toBytes = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));

/** @throws Error if the run is too long for a link */
export function linkOfRun(run: SharedRun): string {
  const text = toText(zlibSync(strToU8(JSON.stringify([VERSION, run])), { level: 9 }));
  if (text.length <= MOST_LINK) return text;
  throw new Error(
    `the run takes ${text.length} characters, and a link has ${MOST_LINK} at most: type less, or shorten the extension`,
  );
}

/** @throws Error if the text is no link of this version */
export function runOfLink(text: string): SharedRun {
  if (text.length > MOST_LINK) throw new Error(`a link has ${MOST_LINK} characters at most, this one ${text.length}`);
  let content: unknown;
  try {
    content = JSON.parse(strFromU8(unzlibSync(toBytes(text))));
  } catch (error) {
    throw new Error('the link is damaged: copy the whole of it', { cause: error });
  }
  const [version, run] = Array.isArray(content) ? (content as unknown[]) : [];
  if (version !== VERSION)
    throw new Error(`the link is of version ${String(version)}, this page reads version ${VERSION}`);
  const { data, error } = sharedRun.safeParse(run);
  if (data !== undefined) return data;
  const [{ path } = { path: [] }] = error.issues;
  throw new Error(
    `the link is damaged: ${path.join('.') || 'the run'} is not what a link has there; copy the whole of it`,
  );
}
