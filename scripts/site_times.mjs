// SPDX-License-Identifier: LGPL-2.1-only
// npm run site:times -- --snapshot FILE: the table of docs/page.md: how long the page with a booted Linux takes over a line of 20 Mbit/s, in headless
// Chromium. FILE is a snapshot of `bfm guest debian` at its shell's prompt (docs/page.md).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildFolder, root } from './build/paths.mjs';

const BITS_PER_SECOND = 20_000_000;

const { values } = parseArgs({ options: { snapshot: { type: 'string' } } });
if (values.snapshot === undefined) {
  console.error('npm run site:times: name a snapshot: -- --snapshot FILE');
  process.exit(2);
}
const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const { buildSite } = await import('./site/build_site.mjs');
const { chromium, serveFolder, startBrowser } = await import(join(buildFolder, 'test/site/page/site_browser.js'));
if (chromium === undefined) {
  console.error('npm run site:times: there is no Chromium; install it, or let CHROMIUM name it');
  process.exit(1);
}

/** Types a line at the guest's console. */
const typed = (text) => `bareflank.machine.type([...new TextEncoder().encode(${JSON.stringify(`${text}\n`)})])`;
/** A text of the console, which the line that asks for it does not have. */
const shows = (text) => `bareflank.consoleText.includes(${JSON.stringify(text)})`;

const folder = mkdtempSync(join(tmpdir(), 'bareflank-site-'));
const browser = await startBrowser();
try {
  await buildSite(folder, [], [values.snapshot]);
  const { server, address, sent } = await serveFolder(folder, BITS_PER_SECOND);
  const page = await browser.newPage();
  const began = performance.now();
  const reached = async (what, condition) => {
    await page.waitForFunction(condition, { timeout: 120_000, polling: 20 });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`| ${what} | ${seconds} s | ${(sent() / 1e6).toFixed(1)} MB |`);
  };
  await page.goto(address);
  await reached('the page is there', 'globalThis.bareflank !== undefined');
  await page.select('#extension', 'trace_syscalls');
  await page.click('#at-boot');
  await page.click('#boot');
  await reached(
    'the VMM runs under the restored guest',
    `document.getElementById('vmm-state').textContent === 'VMM_RUNNING'`,
  );
  await page.evaluate(typed(''));
  await reached('the guest shows a prompt', String.raw`/# \S*$/.test(bareflank.consoleText)`);
  // A process whose parent has ended wakes PID 1, busybox's init, which then calls rt_sigtimedwait. Nobody else does.
  await page.evaluate(typed('(true &)'));
  const call = `/number 128[1-9]/.test(document.getElementById('reports').textContent)`;
  await reached('the handler has seen a VM exit of PID 1: its system call', call);
  await page.evaluate(typed('cat /proc/cpuinfo'));
  await reached('`cat /proc/cpuinfo` has printed', shows('model name'));
  await page.evaluate(`bareflank.machine.request('hash', {})`);
  await reached('the whole memory, for a state hash', 'true');
  server.close();
  console.log(`load average at the end: ${loadavg()[0].toFixed(1)}, with ${cpus().length} processors`);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
