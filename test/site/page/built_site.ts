// SPDX-License-Identifier: LGPL-2.1-only
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import type { ImageGuest } from '../../../src/site/machine/site_messages.js';
import { root } from '../../architecture/source_files.js';
import { serveFolder, startBrowser } from './site_browser.js';

/** What `npm run site` does. */
export const { buildSite } = (await import(
  new URL('../../../../scripts/site/build_site.mjs', import.meta.url).href
)) as {
  buildSite: (folder: string, guests: readonly object[], snapshots?: readonly string[]) => Promise<void>;
};

/** A site with some of our guests in a folder of its own, with its server and a browser. */
export class BuiltSite {
  private constructor(
    readonly folder: string,
    private readonly server: Server,
    readonly address: string,
    readonly browser: Browser,
  ) {}

  /** Precondition: `hasBrowser`. @param guests of the build's folder */
  static async make(guests: readonly ImageGuest[]): Promise<BuiltSite> {
    const folder = mkdtempSync(join(tmpdir(), 'bareflank-site-'));
    await buildSite(
      folder,
      guests.map((guest) => ({ ...guest, kernel: join(root, 'build', guest.kernel) })),
    );
    const { server, address } = await serveFolder(folder);
    return new BuiltSite(folder, server, address, await startBrowser());
  }

  /** Ends the browser and the server, and removes the folder. */
  async end(): Promise<void> {
    await this.browser.close();
    this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}
