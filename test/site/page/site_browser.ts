// SPDX-License-Identifier: LGPL-2.1-only
// A site as a browser sees it: a server of static files, and Chromium without a window.
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { launch, type Browser, type Page } from 'puppeteer-core';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Where Debian and others have it; CHROMIUM names another one. */
const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser's program, if this computer has one. */
export const chromium = places.find((path) => path !== undefined && existsSync(path));

/** Whether there is a browser to test with; says so in a line if not. @throws in CI, which must not skip it */
export function hasBrowser(): boolean {
  if (chromium !== undefined) return true;
  const reason = 'the page cannot be tried: there is no Chromium; install it, or name its program in CHROMIUM';
  if (process.env.CI === 'true') throw new Error(reason);
  process.stderr.write(`      skipped: ${reason}\n`);
  return false;
}

/** Bytes that a slow line takes at a time. */
const PIECE = 16_384;

/** A line that all answers of a server share. */
class Line {
  private freeAt = 0;
  sent = 0;

  /** @param bitsPerSecond infinite: as fast as it goes */
  constructor(private readonly bitsPerSecond: number) {}

  async send(bytes: Uint8Array, answer: ServerResponse): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      const now = performance.now();
      this.freeAt = Math.max(this.freeAt, now) + (piece.length * 8000) / this.bitsPerSecond;
      if (this.freeAt > now + 1) await new Promise((resolve) => setTimeout(resolve, this.freeAt - now));
      answer.write(piece);
      this.sent += piece.length;
    }
    answer.end();
  }
}

/** Serves the files of a folder, without the headers that would isolate the page from other origins. */
export async function serveFolder(
  folder: string,
  bitsPerSecond = Infinity,
): Promise<{ server: Server; address: string; sent: () => number }> {
  const line = new Line(bitsPerSecond);
  const server = createServer((request, answer) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, 'http://site').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file)) return void answer.writeHead(404).end();
    answer.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    void line.send(readFileSync(file), answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sent: () => line.sent };
}

/** Starts the browser. Root has no sandbox in it. */
export function startBrowser(): Promise<Browser> {
  return launch({
    executablePath: chromium!,
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

/** Opens a site. An exception in the page fails whatever waits for it next. */
export async function openSite(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForFunction('globalThis.bareflank !== undefined');
  return page;
}
