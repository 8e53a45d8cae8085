// SPDX-License-Identifier: LGPL-2.1-only
// npm run site:screenshots -- --snapshot FILE: takes the pictures of docs/page.md, docs/images/page_*.png, in Chromium. FILE is a snapshot of
// `bfm run --save` at a shell's prompt (docs/page.md says how it is made).
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildFolder, root } from './build/paths.mjs';

const { values } = parseArgs({ options: { snapshot: { type: 'string' } } });
if (values.snapshot === undefined) {
  console.error('npm run site:screenshots: name a snapshot: -- --snapshot FILE');
  process.exit(2);
}
const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const { buildSite } = await import('./site/build_site.mjs');
const { chromium, openSite, serveFolder, startBrowser } = await import(
  join(buildFolder, 'test/site/page/site_browser.js')
);
if (chromium === undefined) {
  console.error('npm run site:screenshots: there is no Chromium; install it, or let CHROMIUM name it');
  process.exit(1);
}

const images = join(root, 'docs/images');
const screens = [
  { name: 'page_light', scheme: 'light', viewport: { width: 1280, height: 1150 } },
  { name: 'page_dark', scheme: 'dark', viewport: { width: 1280, height: 1150 } },
  { name: 'page_small', scheme: 'light', viewport: { width: 390, height: 844 } },
];

/** Boots, starts the VMM, and lets a shell print something. */
async function use(page) {
  await page.select('#extension', 'trace_syscalls');
  await page.click('#at-boot');
  await page.click('#boot');
  await page.waitForFunction(`document.getElementById('vmm-state').textContent === 'VMM_RUNNING'`);
  for (const line of ['', 'uname -a', 'grep -m3 -e name -e MHz -e model /proc/cpuinfo']) {
    await page.evaluate(`bareflank.machine.type([...new TextEncoder().encode(${JSON.stringify(`${line}\n`)})])`);
    await page.waitForFunction(
      `bareflank.consoleText.includes(${JSON.stringify(line)}) && /# \\S*$/.test(bareflank.consoleText)`,
    );
  }
  await page.type(
    '#address',
    await page.evaluate(
      `[...document.querySelectorAll('#registers tr')].find((row) => row.textContent.startsWith('RIP')).lastChild.textContent`,
    ),
  );
  await page.waitForFunction(`/physical|ends/.test(document.getElementById('walk').textContent)`);
  await page.waitForFunction(`document.querySelectorAll('#vmcs-fields tr.changed').length > 0`);
  await page.evaluate(`document.activeElement.blur(); scrollTo(0, 0)`);
}

const folder = mkdtempSync(join(tmpdir(), 'bareflank-site-'));
const browser = await startBrowser();
try {
  await buildSite(folder, [], [values.snapshot]);
  const { server, address } = await serveFolder(folder);
  mkdirSync(images, { recursive: true });
  for (const { name, scheme, viewport } of screens) {
    const page = await openSite(browser, address);
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await use(page);
    await page.screenshot({ path: join(images, `${name}.png`) });
    await page.close();
  }
  server.close();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
