// SPDX-License-Identifier: LGPL-2.1-only
// Links in Chromium: what somebody sees before the code of a link runs, and what opens it.
import { expect } from 'chai';
import type { Browser, Page } from 'puppeteer-core';
import { linkOfRun, runOfLink, type SharedRun } from '../../../src/site/machine/run_link.js';
import { ownGuest } from '../machine/node_surroundings.js';
import { BuiltSite } from './built_site.js';
import { hasBrowser, openSite } from './site_browser.js';

describe('The links of the page', function () {
  let site: BuiltSite | undefined;
  let browser: Browser;
  let page: Page;
  let address: string;
  /** The guests of the site, by name. */
  let guests: Record<string, string>;

  before(async function () {
    if (!hasBrowser()) return this.skip();
    site = await BuiltSite.make([ownGuest('echo', ''), ownGuest('cpuid', '1000')]);
    ({ address, browser } = site);
  });

  after(async () => {
    await site?.end();
  });

  beforeEach(async () => {
    page = await openSite(browser, address);
    const known = (await page.evaluate(`fetch('site.json').then((answer) => answer.json())`)) as {
      guests: { name: string; id: string }[];
    };
    guests = Object.fromEntries(known.guests.map(({ name, id }) => [name, id]));
  });

  afterEach(async () => page?.close());

  const text = (id: string): Promise<string> => page.$eval(`#${id}`, ({ textContent }) => textContent ?? '');
  const waitFor = (condition: string) => page.waitForFunction(condition, { timeout: 15_000 });
  const at = (turn: number) => ({ turn, instructions: 0, virtualTime: 0 });
  const load = (name: string): SharedRun['items'][number] => ({
    kind: 'event',
    at: at(0),
    event: { kind: 'call', method: 'load', params: { modules: [name] } },
  });
  const end = {
    kind: 'end',
    at: at(0),
    outcome: 'shared',
    instructions: 0,
    virtualTime: 0,
    hash: '0'.repeat(16),
  } as const;
  const linkTo = (run: Partial<SharedRun>): string =>
    `${address}#run=${linkOfRun({ guest: guests.echo!, processors: 1, items: [end], sources: {}, ...run })}`;

  it('show all code that a link brings, in its true order of letters, not only the last extension', async () => {
    const sources = {
      first: 'export const evil = 1; // \u202e',
      second: 'export const harmless = 2;',
      third: '// unused',
    };
    await page.close();
    page = await browser.newPage();
    await page.goto(linkTo({ sources, items: [load('first'), load('second'), end] }));
    await waitFor(`!document.getElementById('run-link').hidden`);
    expect(await text('link-code')).to.equal(
      '// first\nexport const evil = 1; // �\n\n// second\nexport const harmless = 2;\n\n// third\n// unused',
    );
    expect(await text('link-size')).to.equal('8 lines: scroll to the end');
    expect(await page.evaluate(`getComputedStyle(document.getElementById('link-code')).whiteSpace`)).to.match(/wrap/);
    expect(await text('vmm-state')).to.equal('no machine');
    await page.click('#boot');
    await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_UNLOADED'`);
    expect(await page.evaluate(`document.getElementById('run-link').hidden`), 'the link is forgotten').to.equal(true);
  });

  it('open in a page that is open already, and ask before they end its machine', async () => {
    await page.select('#guest', 'echo');
    await page.click('#boot');
    await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_UNLOADED'`);
    const [, hash] = linkTo({ processors: 3 }).split('#');
    await page.evaluate(`location.hash = '${hash}'; bareflank.machine.isFirst = true;`);
    await waitFor(`!document.getElementById('run-link').hidden`);
    expect(await page.evaluate('bareflank.machine.isFirst')).to.equal(true);
    expect(await text('message')).to.match(/"Run the link" ends this machine/);
    await page.click('#run-link');
    await waitFor(`document.getElementById('message').textContent.includes('of the link')`);
    expect(await page.evaluate(`document.getElementById('processors').value`)).to.equal('3');
    await page.evaluate(`location.hash = '#run=damaged'`);
    await waitFor(`document.getElementById('message').textContent.includes('the link is damaged')`);
  });

  it('are to the guest and the processors of the machine, whatever is chosen for the next one', async () => {
    await page.select('#guest', 'echo');
    await page.select('#processors', '2');
    await page.click('#boot');
    await waitFor(`document.getElementById('vmm-state').textContent === 'VMM_UNLOADED'`);
    await page.select('#guest', 'cpuid');
    await page.select('#processors', '4');
    await page.click('#link');
    await waitFor(`location.hash.startsWith('#run=')`);
    const { guest, processors } = runOfLink(page.url().split('#run=')[1]!);
    expect([guest, processors]).to.deep.equal([guests.echo, 2]);
    expect(await page.evaluate(`document.getElementById('run-link').hidden`), 'the own link opens nothing').to.equal(
      true,
    );
  });
});
