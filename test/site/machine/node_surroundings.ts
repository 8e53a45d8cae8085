// SPDX-License-Identifier: LGPL-2.1-only
// The surroundings of a page's machine, in Node.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { buildFolder, inversifyFile } from '../../../src/driver/node/package_paths.js';
import { siteBundleOptions } from '../../../src/site/machine/bundle_format.js';
import { BundledModules } from '../../../src/site/machine/bundled_modules.js';
import type { FromMachine, ImageGuest, MachineStatus } from '../../../src/site/machine/site_messages.js';

export const coreBytes = readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'));

/** One of our own guests, as a site has it. */
export const ownGuest = (name: string, append: string): ImageGuest => ({
  name,
  id: `${name} ${append}`,
  kernel: `guests/${name}.bin`,
  append,
  memoryBytes: 32 << 20,
});

/** A file of the site. */
export async function fetchFile(address: string): Promise<Uint8Array> {
  return Promise.resolve(address === 'cpu.wasm' ? coreBytes : readFileSync(join(buildFolder, address)));
}

/** The bundle of a module's file. */
export async function bundleOf(file: string): Promise<string> {
  const result = await build({ ...siteBundleOptions, entryPoints: [file] });
  return result.outputFiles[0]!.text;
}

/** Modules that share the framework of this process. */
export const nodeModules = (): BundledModules =>
  new BundledModules({
    evaluate: (code) =>
      import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`) as Promise<Record<string, unknown>>,
    digest: (text) => Promise.resolve(createHash('sha256').update(text).digest('hex')),
    addressOf: (name) => {
      if (name === 'bareflank') return pathToFileURL(join(buildFolder, 'src/index.js')).href;
      return name === 'inversify' ? pathToFileURL(inversifyFile).href : import.meta.resolve(name);
    },
  });

/** Takes what a machine tells. */
export class Heard {
  readonly messages: FromMachine[] = [];
  readonly post = (message: FromMachine): void => void this.messages.push(message);

  text(kind: 'console' | 'vmm'): string {
    const bytes = this.messages.flatMap((message) => (message.kind === kind ? [...message.bytes] : []));
    return Buffer.from(bytes).toString();
  }

  /** How the machine was when it last told. */
  get status(): MachineStatus {
    const all = this.messages.flatMap((message) => (message.kind === 'status' ? [message.status] : []));
    return all.at(-1)!;
  }

  /** The first message of a kind. */
  first<K extends FromMachine['kind']>(kind: K): Extract<FromMachine, { kind: K }> | undefined {
    return this.messages.find((message): message is Extract<FromMachine, { kind: K }> => message.kind === kind);
  }
}
