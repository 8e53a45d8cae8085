// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { SiteGuest } from '../../site/machine/site_messages.js';
import { LinkError } from './link_error.js';

/** As much of site.json as a run needs. */
const catalogSchema = z.object({
  guests: z.array(
    z.union([
      z.object({
        name: z.string(),
        id: z.string(),
        kernel: z.string(),
        initrd: z.string().exactOptional(),
        append: z.string(),
        memoryBytes: z.int().positive(),
      }),
      z.object({ name: z.string(), id: z.string(), snapshot: z.string() }),
    ]),
  ),
  extensions: z.array(z.object({ name: z.string(), bundle: z.string() })),
});

const CATALOG = 'site.json';
const ADVICE = 'npm run site makes a site, and --site names its folder';

/** The folder of a site that `npm run site` has made. */
export class SiteFolder {
  private readonly catalog: z.infer<typeof catalogSchema>;

  /** @throws LinkError if there is no site */
  constructor(private readonly path: string) {
    this.catalog = this.readCatalog();
  }

  /** The guest of a run. @throws LinkError if the site has another one */
  guest(id: string): SiteGuest {
    const { guests } = this.catalog;
    const guest = guests.find((each) => each.id === id);
    if (guest !== undefined) return guest;
    const found = guests.map(({ name, id: other }) => `${name} (${other})`).join(', ') || 'none';
    throw this.error(`the site has not the guest ${id} of this run; it has: ${found}`);
  }

  /** Names and bundles of the extensions. */
  extensions(): { name: string; code: string }[] {
    const text = (file: string): string => Buffer.from(this.file(file)).toString('utf8');
    return this.catalog.extensions.map(({ name, bundle }) => ({ name, code: text(bundle) }));
  }

  /** A file of the site. @throws LinkError */
  file(address: string): Uint8Array {
    const path = resolve(this.path, address);
    if (relative(this.path, path).startsWith('..')) throw this.error(`${address} is outside the site`);
    try {
      return readFileSync(path);
    } catch (error) {
      throw this.error((error as Error).message, error);
    }
  }

  private readCatalog(): z.infer<typeof catalogSchema> {
    const bytes = this.file(CATALOG);
    try {
      return catalogSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch (error) {
      throw this.error(`${CATALOG} is damaged`, error);
    }
  }

  private error(found: string, causedBy?: unknown): LinkError {
    return new LinkError(`the run of the link cannot be made from ${join(this.path, CATALOG)}: ${found}; ${ADVICE}`, {
      causedBy,
      details: { where: this.path, found, expected: 'a site that has the guest of the run', advice: ADVICE },
    });
  }
}
