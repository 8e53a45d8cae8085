// SPDX-License-Identifier: LGPL-2.1-only
// The worker of a page: its machine, the VMM and extensions live here, and nothing else.
import { BundledModules } from '../machine/bundled_modules.js';
import { MachineService } from '../machine/machine_service.js';
import type { FromMachine, SiteCatalog, ToMachine } from '../machine/site_messages.js';

const addressOf = (file: string): string => new URL(file, import.meta.url).href;

async function fetchBytes(file: string): Promise<Uint8Array> {
  const answer = await fetch(addressOf(file));
  if (!answer.ok) throw new Error(`${file}: the site answers ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** How often a page of memory is asked for, on a line that fails. */
const ATTEMPTS = 3;

/** Fetches a file while the worker waits: a page of memory is needed within an instruction. */
function fetchNow(file: string, attempt = 1): Uint8Array {
  const request = new XMLHttpRequest();
  request.open('GET', addressOf(file), false);
  request.responseType = 'arraybuffer';
  try {
    request.send();
  } catch (error) {
    if (attempt < ATTEMPTS) return fetchNow(file, attempt + 1);
    throw new Error(`${file}: the site does not answer`, { cause: error });
  }
  if (request.status !== 200) throw new Error(`${file}: the site answers ${request.status} ${request.statusText}`);
  return new Uint8Array(request.response as ArrayBuffer);
}

/** Evaluates a module that has no address. */
async function evaluate(code: string): Promise<Readonly<Record<string, unknown>>> {
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  try {
    return (await import(address)) as Readonly<Record<string, unknown>>;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** SHA-256, if the page's origin is secure. Elsewhere a browser has no digests, and nothing compares them. */
async function digest(text: string): Promise<string> {
  if (!isSecureContext) return '';
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Lets messages come in. A message to oneself comes after those that wait, and without the delay that browsers give to timers. */
const turn = new MessageChannel();

function pause(milliseconds: number, waking: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (milliseconds === 0) {
      turn.port1.onmessage = () => resolve();
      turn.port2.postMessage(null);
      return;
    }
    const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
    waking(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function addBundles(modules: BundledModules): Promise<void> {
  const text = new TextDecoder();
  const { extensions } = JSON.parse(text.decode(await fetchBytes('site.json'))) as SiteCatalog;
  await Promise.all(
    extensions.map(async ({ name, bundle }) => modules.add(name, text.decode(await fetchBytes(bundle)))),
  );
}

const modules = new BundledModules({ evaluate, digest, addressOf: (name) => addressOf(`${name}.js`) });
const service = new MachineService({
  post: (message) => self.postMessage(message),
  fetch: fetchBytes,
  fetchNow: (file) => fetchNow(file),
  modules,
  now: () => performance.now(),
  pause,
});
self.onmessage = ({ data }: MessageEvent<ToMachine>) => service.receive(data);
try {
  await addBundles(modules);
  await service.run();
} catch (error) {
  self.postMessage({
    kind: 'failed',
    message: error instanceof Error ? error.message : String(error),
  } satisfies FromMachine);
}
