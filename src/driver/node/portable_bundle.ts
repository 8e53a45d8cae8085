// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';

/** The code of a module without anything of this computer in it: the same on each computer that has the same sources. It can be loaded as a module. */
export interface PortableBundle {
  readonly code: string;
  /** SHA-256 of the code: by it, saved states and recordings know the module. */
  readonly sha256: string;
}

/** SHA-256 of a text or bytes, in hexadecimal. */
export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Takes the source map out of a bundle, and the places of the running copy. @param names by the URL that a bundle has in their place */
export function portableCode(bundle: string, names: ReadonlyMap<string, string>): PortableBundle {
  const [text] = bundle.split('\n//# sourceMappingURL=');
  const quoted = [...names].map((pair) => pair.map((each) => JSON.stringify(each)) as [string, string]);
  const code = quoted.reduce((all, [url, name]) => all.replaceAll(url, name), text!);
  return { code, sha256: sha256(code) };
}
