// SPDX-License-Identifier: LGPL-2.1-only
// What the page does when its machine cannot go on, and how the keyboard reaches all of it, in Chromium.
import { expect } from 'chai';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { ownGuest } from '../machine/node_surroundings.js';
import { BuiltSite } from './built_site.js';
import { hasBrowser, openSite } from './site_browser.js';

describe('The page and its machine', function () {
  let site: BuiltSite | undefined;
  let folder: string;
  let browser: Browser;
  let page: Page;
  let address: string;

  before(async function () {
    if (!hasBrowser()) return this.skip();
    site = await BuiltSite.make([ownGuest('echo', '')]);
    ({ folder, address, browser } = site);
  });

  after(async () => {
    await site?.end();
  });

  beforeEach(async () => void (page = await openSite(browser, address)));
  afterEach(async () => page?.close());

  const active = (): Promise<unknown> =>
    page.evaluate('document.activeElement.id || document.activeElement.className.split(" ")[0]');
  const says = (text: string) =>
    page.waitForFunction(`document.getElementById('message').textContent.includes('${text}')`, { timeout: 15_000 });

  it('says that the machine has stopped, and answers what was asked and what is asked later', async () => {
    const bundle = join(folder, 'extensions/cpuidcount.js');
    renameSync(bundle, `${bundle}.gone`);
    try {
      await page.click('#boot');
      await says('the machine has stopped: extensions/cpuidcount.js: the site answers 404');
      expect(await page.evaluate(`document.getElementById('start').disabled`)).to.equal(true);
      const asked = await page.evaluate(`bareflank.machine.request('hash', {}).catch(({ message }) => message)`);
      expect(asked).to.include('the machine has stopped');
    } finally {
      renameSync(`${bundle}.gone`, bundle);
    }
    await page.click('#boot');
    await page.waitForFunction(`document.getElementById('vmm-state').textContent === 'VMM_UNLOADED'`, {
      timeout: 15_000,
    });
  });

  it('lets Tab go past the console, and F6 into it and back', async () => {
    await page.focus('#at-boot');
    await page.keyboard.press('Tab');
    expect(await active()).to.equal('source');
    await page.focus('#vmcs-filter');
    await page.keyboard.press('F6');
    expect(await active()).to.equal('xterm-helper-textarea');
    await page.keyboard.press('F6');
    expect(await active()).to.equal('vmcs-filter');
  });
});
