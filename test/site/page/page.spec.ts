// SPDX-License-Identifier: LGPL-2.1-only
// The page in Chromium. With BAREFLANK_FULL=1 Debian runs there too, if `bfm guest debian` has made it.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { root } from '../../architecture/source_files.js';
import { SliceEnd } from '../../../src/session/session_ports.js';
import { SiteMachine } from '../../../src/site/machine/site_machine.js';
import { SitePorts } from '../../../src/site/machine/site_ports.js';
import { bundleOf, coreBytes, fetchFile, nodeModules, ownGuest } from '../machine/node_surroundings.js';
import { debianSnapshot } from './debian_snapshot.js';
import { chromium, openSite, serveFolder, startBrowser } from './site_browser.js';

const { buildSite } = (await import(new URL('../../../../scripts/site/build_site.mjs', import.meta.url).href)) as {
  buildSite: (folder: string, guests: readonly object[], snapshots?: readonly string[]) => Promise<void>;
};
const cpuid = ownGuest('cpuid', '1000');
const echo = ownGuest('echo', '');

/** The last state hash of the same run in Node. */
async function hashInNode(): Promise<string> {
  const source = nodeModules();
  const file = join(root, 'extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts');
  source.add('cpuidcount', await bundleOf(file));
  const machine = await SiteMachine.create({
    coreModule: await WebAssembly.compile(coreBytes),
    memoryBytes: cpuid.memoryBytes,
    processors: 1,
    pace: 'real',
    ports: new SitePorts(() => {}),
    source,
  });
  await machine.load(['cpuidcount']);
  machine.boot({ kernel: { name: 'cpuid', bytes: await fetchFile(cpuid.kernel) }, modules: [], append: cpuid.append });
  machine.start();
  expect(machine.slice(Infinity)).to.equal(SliceEnd.Ended);
  return machine.pc.stateHash();
}

const isFull = process.env.BAREFLANK_FULL === '1';

describe('The page', function () {
  let folder: string;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let address: string;
  const failures: string[] = [];

  before(async function () {
    if (chromium === undefined) return this.skip();
    folder = mkdtempSync(join(tmpdir(), 'bareflank-site-'));
    const file = (name: string): string => join(root, 'build', name);
    await buildSite(
      folder,
      [cpuid, echo].map((guest) => ({ ...guest, kernel: file(guest.kernel) })),
    );
    ({ server, address } = await serveFolder(folder));
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    server?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  beforeEach(async () => {
    failures.length = 0;
    page = await openSite(browser, address);
    page.on('pageerror', (error) => failures.push(String(error)));
  });

  afterEach(async () => {
    await page?.close();
    expect(failures).to.deep.equal([]);
  });

  const text = (id: string): Promise<string> => page.$eval(`#${id}`, ({ textContent }) => textContent ?? '');
  /** The page's message says why, if what is waited for does not come. */
  const waitFor = async (condition: string): Promise<void> => {
    try {
      await page.waitForFunction(condition, { timeout: 15_000 });
    } catch (error) {
      throw new Error(`${condition}: ${String(error)}; the page says: ${await text('message')}`, { cause: error });
    }
  };

  it('boots a guest under an extension, and the run has the state hash that it has in Node', async () => {
    await page.select('#guest', 'cpuid');
    await page.click('#at-boot');
    await page.click('#boot');
    await waitFor(`document.getElementById('message').textContent.includes('powered-off')`);
    expect(await page.evaluate('bareflank.consoleText')).to.include('guest executed 1000 cpuids');
    expect(await text('exits')).to.match(/cpuid1,000/);
    expect(await text('reports')).to.equal('cpuidcount count1000');
    const { hash } = (await page.evaluate(`bareflank.machine.request('hash', {})`)) as { hash: string };
    expect(hash).to.equal(await hashInNode());
  });

  it('starts and stops the VMM under a running guest, by the keyboard alone', async () => {
    await page.focus('#guest');
    await page.keyboard.type('echo');
    await page.focus('#boot');
    await page.keyboard.press('Enter');
    await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_UNLOADED'`);
    await page.focus('#start');
    await page.keyboard.press('Space');
    await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_RUNNING'`);
    await page.focus('.xterm-helper-textarea');
    await page.keyboard.type('typed');
    await waitFor(`bareflank.consoleText.includes('typed')`);
    await page.keyboard.press('F6');
    expect(await page.evaluate('document.activeElement.id')).to.equal('boot');
    await page.focus('#stop');
    await page.keyboard.press('Enter');
    await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_LOADED'`);
    expect(await text('vmm-log')).to.include('cpuid count = ');
  });

  describe('with a snapshot of Debian', function () {
    this.timeout(300_000);
    let line: Awaited<ReturnType<typeof serveFolder>>;
    let site: string;

    before(async function () {
      const snapshot = isFull && chromium !== undefined ? debianSnapshot(folder) : undefined;
      if (snapshot === undefined) return this.skip();
      site = join(folder, 'debian');
      await buildSite(site, [], [snapshot]);
      line = await serveFolder(site, 20_000_000);
    });

    after(() => line?.server.close());

    it('is at its prompt under the VMM after a transfer of 15 MB at most, and its exits reach the handlers', async () => {
      await page.goto(line.address);
      await waitFor('globalThis.bareflank !== undefined');
      expect(await page.evaluate('crossOriginIsolated')).to.equal(false);
      await page.click('#at-boot');
      await page.click('#boot');
      await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_RUNNING'`);
      await page.focus('.xterm-helper-textarea');
      await page.keyboard.press('Enter');
      await waitFor(`bareflank.consoleText.includes('# ')`);
      expect(line.sent(), 'bytes before the prompt').to.be.below(15_000_000);
      await page.keyboard.type('cat /proc/cpuinfo');
      await page.keyboard.press('Enter');
      await waitFor(`bareflank.consoleText.includes('model name')`);
      await waitFor(`/cpuid[1-9]/.test(document.getElementById('exits').textContent)`);
      expect(line.sent(), 'bytes of all pages so far').to.be.below(15_000_000);
    });
  });
});
