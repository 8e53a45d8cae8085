// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { bundleText } from './load_module.js';

/** The code of a module without anything of this computer in it: the same on each computer that has the same sources. */
export interface PortableBundle {
  readonly code: string;
  /** SHA-256 of the code. */
  readonly sha256: string;
}

/** SHA-256 of a text or bytes, in hexadecimal. */
export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Bundles a module with everything that it imports except the framework. @throws ModuleFileError */
export async function portableBundle(file: string): Promise<PortableBundle> {
  const code = await bundleText(file);
  return { code, sha256: sha256(code) };
}
