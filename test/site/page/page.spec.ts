// SPDX-License-Identifier: LGPL-2.1-only
// The page in Chromium. With BAREFLANK_FULL=1 Debian runs there too, if `bfm guest debian` has made it.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'puppeteer-core';
import type { RecordedItem } from '../../../src/session/recorded_item.js';
import { STATE_INTERVAL } from '../../../src/session/session_recorder.js';
import { RunSoFar } from '../../../src/site/machine/run_so_far.js';
import type { ImageGuest } from '../../../src/site/machine/site_messages.js';
import { siteBundleOptions } from '../../../src/site/machine/bundle_format.js';
import { MachineService } from '../../../src/site/machine/machine_service.js';
import { runOfLink, type SharedRun } from '../../../src/site/machine/run_link.js';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { root } from '../../architecture/source_files.js';
import { bfm } from '../../bfm/bfm_process.js';
import { SliceEnd } from '../../../src/session/session_ports.js';
import { SiteMachine } from '../../../src/site/machine/site_machine.js';
import { SitePorts } from '../../../src/site/machine/site_ports.js';
import { bundleOf, coreBytes, fetchFile, Heard, nodeModules, ownGuest } from '../machine/node_surroundings.js';
import { debianGuest, debianSnapshot } from './debian_snapshot.js';
import { BuiltSite, buildSite } from './built_site.js';
import { chromium, hasBrowser, openSite, serveFolder } from './site_browser.js';

const cpuid = ownGuest('cpuid', '1000');
const echo = ownGuest('echo', '');
const loops = { ...ownGuest('bench_processors', ''), memoryBytes: 64 << 20 };

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
const itIfFull = isFull ? it : it.skip;

/** The state hashes of a boot in Node, by the number of instructions. */
async function statesInNode(guest: ImageGuest, instructions: number): Promise<Map<number, string>> {
  const states = new Map<number, string>();
  const { recorder } = new RunSoFar({
    now: () => 0,
    interval: STATE_INTERVAL,
    tell: (at, hash) => states.set(at, hash),
  });
  const machine = await SiteMachine.create({
    coreModule: await WebAssembly.compile(coreBytes),
    memoryBytes: guest.memoryBytes,
    processors: 1,
    pace: 'fast',
    ports: new SitePorts(() => {}),
    source: nodeModules(),
    recorder,
  });
  const [kernel, initrd] = [guest.kernel, guest.initrd!].map((path) => ({
    name: basename(path),
    bytes: readFileSync(path),
  }));
  machine.boot({ kernel: kernel!, modules: [{ ...initrd!, arguments: '' }], append: guest.append });
  while (machine.pc.instructions < instructions) machine.slice(machine.pc.virtualTime + 10_000_000);
  return states;
}

/** The state hash to which a shared run of the guest `echo` leads in Node. */
async function hashOfRun(run: SharedRun): Promise<string> {
  const modules = nodeModules();
  for (const [name, contents] of Object.entries(run.sources)) {
    const { outputFiles } = await build({ ...siteBundleOptions, stdin: { contents, loader: 'ts' } });
    modules.add(name, outputFiles[0]!.text);
  }
  const heard = new Heard();
  const service = new MachineService({
    post: heard.post,
    fetch: fetchFile,
    fetchNow: () => new Uint8Array(),
    modules,
    now: () => 0,
    pause: () => Promise.resolve(),
  });
  const params = { guest: echo, processors: run.processors, replay: run.items as RecordedItem[] };
  service.receive({ kind: 'request', id: 1, method: 'boot', params });
  while (heard.first('replayed') === undefined && heard.first('error') === undefined) await service.turn();
  const { hash, difference } = heard.first('replayed')!;
  expect(difference).to.equal(undefined);
  return hash;
}

describe('The page', function () {
  let site: BuiltSite | undefined;
  let folder: string;
  let browser: Browser;
  let page: Page;
  let address: string;
  const failures: string[] = [];

  before(async function () {
    if (!hasBrowser()) return this.skip();
    site = await BuiltSite.make([cpuid, echo, loops]);
    ({ folder, address, browser } = site);
  });

  after(async () => {
    await site?.end();
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

  it('compiles hot code, and the run has the state hash that it has interpreted in Node', async () => {
    await page.select('#guest', loops.name);
    await page.click('#boot');
    await waitFor(`document.getElementById('message').textContent.includes('debug-exit')`);
    const { hash, instructions, compiled } = (await page.evaluate(`bareflank.machine.request('hash', {})`)) as {
      hash: string;
      instructions: number;
      compiled: number;
    };
    expect(compiled / instructions, 'instructions in regions').to.be.greaterThan(0.05);
    const machine = await SiteMachine.create({
      coreModule: await WebAssembly.compile(coreBytes),
      memoryBytes: loops.memoryBytes,
      processors: 1,
      pace: 'real',
      ports: new SitePorts(() => {}),
      source: nodeModules(),
    });
    machine.boot({ kernel: { name: loops.name, bytes: await fetchFile(loops.kernel) }, modules: [], append: '' });
    expect(machine.slice(Infinity)).to.equal(SliceEnd.Ended);
    expect([machine.pc.stateHash(), machine.pc.instructions]).to.deep.equal([hash, instructions]);
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

  itIfFull('marks changes of registers and VMCS fields, walks an address, and draws exits over time', async () => {
    await page.select('#guest', 'echo');
    await page.click('#boot');
    await waitFor(`!document.getElementById('start').disabled`);
    await page.click('#start');
    await waitFor(`document.querySelectorAll('#vmcs-fields tr').length > 100`);
    await page.type('#vmcs-filter', 'link_pointer');
    await waitFor(
      `document.getElementById('vmcs-fields').textContent === 'controlvmcs_link_pointer0xffffffffffffffff' ||
      document.getElementById('vmcs-fields').textContent === 'guestvmcs_link_pointer0xffffffffffffffff'`,
    );
    await page.type('#address', '200000');
    await waitFor(`document.getElementById('walk').textContent.includes('physical 0x200000')`);
    await waitFor(`document.querySelectorAll('#exits polyline').length > 0`);
    await waitFor(`document.querySelectorAll('#registers tr').length > 16`);
  });

  itIfFull(
    'compiles an edited extension, loads it into the running VMM, and a link to the run lands on its state in the page and in Node',
    async () => {
      await page.select('#guest', 'echo');
      await page.click('#boot');
      await waitFor(`!document.getElementById('start').disabled`);
      await page.$eval('#source', (area) => {
        const source = area as unknown as { value: string; dispatchEvent(event: Event): void };
        source.value = source.value.replace("'cpuidcount'", "'edited in the page'");
        source.dispatchEvent(new Event('input'));
      });
      await page.focus('#source');
      await page.keyboard.down('Control');
      await page.keyboard.press('Enter');
      await page.keyboard.up('Control');
      await waitFor(`document.getElementById('reports').textContent.includes('edited in the page')`);
      await page.focus('.xterm-helper-textarea');
      await page.keyboard.type('typed');
      await waitFor(`bareflank.consoleText.includes('typed')`);
      await page.click('#link');
      await waitFor(`location.hash.startsWith('#run=')`);
      const link = page.url();
      expect(link.length).to.be.below(8192 + 100);
      const run = runOfLink(link.split('#run=')[1]!);
      const hash = run.items.at(-1)!.kind === 'end' ? (run.items.at(-1) as { hash: string }).hash : '';

      await page.close();
      page = await browser.newPage();
      await page.goto(link);
      await waitFor(`!document.getElementById('run-link').hidden`);
      expect(await text('vmm-state'), 'code of a link waits').to.equal('no machine');
      expect(await text('link-code')).to.include('edited in the page');
      await page.click('#run-link');
      await waitFor(`document.getElementById('message').textContent.includes('${hash}')`);
      expect(await page.evaluate('bareflank.consoleText')).to.include('typed');
      expect(await hashOfRun(run)).to.equal(hash);
      const replayed = await bfm('replay', link, '--site', folder, '--allow-code', '--json');
      expect(replayed.status, replayed.stderr).to.equal(0);
      expect((JSON.parse(replayed.stdout) as RunReport).machine.stateHash).to.equal(hash);
    },
  );

  itIfFull(
    'lists the mistakes of a source next to it, with the caret at the first one, until the source changes',
    async () => {
      await page.select('#guest', 'echo');
      await page.click('#boot');
      await waitFor(`!document.getElementById('start').disabled`);
      await page.focus('#source');
      await page.keyboard.down('Control');
      await page.keyboard.press('Home');
      await page.keyboard.up('Control');
      await page.keyboard.type('/* ä */ let 1 = 2;');
      await page.click('#start');
      await waitFor(`!document.getElementById('mistakes').hidden`);
      expect(await text('mistakes')).to.match(/^line 1, column 13: Expected/);
      expect(await text('message')).to.equal('start: the extension was not loaded; the reason is below its source');
      expect(await page.evaluate('[document.activeElement.id, document.activeElement.selectionStart]')).to.deep.equal([
        'source',
        12,
      ]);
      await page.keyboard.press('Delete');
      expect(await page.evaluate(`document.getElementById('mistakes').hidden`)).to.equal(true);
    },
  );

  itIfFull(
    'sets parameters of an extension, says what is wrong with a value, and a link brings the values along',
    async () => {
      const set = async (name: string, value: string): Promise<void> => {
        await page.$eval(
          `[id="parameter-cpuid_value.${name}"]`,
          (input, to) => void ((input as unknown as { value: string }).value = to),
          value,
        );
      };
      await page.select('#guest', 'cpuid');
      await page.select('#extension', 'cpuid_value');
      expect(await text('parameters')).to.match(/cpuid_value.clear.*cpuid_value.leafleaf of CPUID, as EAX selects it/);
      await set('leaf', '0');
      await page.click('#at-boot');
      await page.click('#boot');
      await waitFor(`document.getElementById('message').textContent.includes('powered-off')`);
      await waitFor(`/^cpuid-value changed[1-9]/.test(document.getElementById('reports').textContent)`);
      const reports = await text('reports');
      await page.click('#link');
      await waitFor(`location.hash.startsWith('#run=')`);
      const link = page.url();

      await page.select('#guest', 'echo');
      await page.click('#boot');
      await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_RUNNING'`);
      await set('leaf', 'seven');
      await page.click('#start');
      await waitFor(`!document.getElementById('mistakes').hidden`);
      expect(await text('mistakes'))
        .to.include('cpuid_value.leaf=seven')
        .and.to.include('wants a decimal number');

      await page.close();
      page = await openSite(browser, link);
      await waitFor(`document.getElementById('reports').textContent === '${reports}'`);
      expect(await page.$eval('#extension', (choice) => (choice as unknown as { value: string }).value)).to.equal(
        'cpuid_value',
      );
      expect(
        await page.$eval(`[id="parameter-cpuid_value.leaf"]`, (input) => (input as unknown as { value: string }).value),
      ).to.equal('0');
    },
  );

  itIfFull('has no sideways scrolling on a small screen', async () => {
    await page.setViewport({ width: 360, height: 640 });
    await page.select('#extension', 'cpuid_value');
    // The console takes its width after the layout.
    await waitFor(`document.documentElement.scrollWidth === 360`);
  });

  describe('with the images of Debian', function () {
    this.timeout(300_000);
    let line: Awaited<ReturnType<typeof serveFolder>>;
    let guest: ImageGuest;

    before(async function () {
      const found = isFull && chromium !== undefined ? debianGuest() : undefined;
      if (found === undefined) return this.skip();
      guest = found;
      const site = join(folder, 'images');
      await buildSite(site, [guest]);
      line = await serveFolder(site);
    });

    after(() => line?.server.close());

    it('boots with the state hashes that it has in Node at each 10^8 instructions', async () => {
      await page.goto(line.address);
      await waitFor('globalThis.bareflank !== undefined');
      await page.evaluate('bareflank.allStates = true');
      await page.click('#boot');
      await page.waitForFunction(`bareflank.consoleText.includes('# ')`, { timeout: 240_000 });
      const states = (await page.evaluate('bareflank.states')) as { instructions: number; hash: string }[];
      const inNode = await statesInNode(guest, 500_000_000);
      expect(inNode.size).to.equal(5);
      const inPage = states.slice(0, 5).map(({ instructions, hash }) => [instructions, hash]);
      expect(inPage).to.deep.equal([...inNode]);
      const asked = page.evaluate(`bareflank.machine.request('hash', {})`);
      const { instructions, compiled } = (await asked) as { instructions: number; compiled: number };
      expect(compiled / instructions, 'instructions in regions').to.be.greaterThan(0.2);
    });
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
