// SPDX-License-Identifier: LGPL-2.1-only
import type { SiteCatalog } from '../machine/site_messages.js';
import { byId } from './elements.js';
import { Page } from './page.js';

try {
  const answer = await fetch('site.json');
  if (!answer.ok) throw new Error(`site.json: the site answers ${answer.status} ${answer.statusText}`);
  const page = new Page((await answer.json()) as SiteCatalog);
  Object.assign(globalThis, { bareflank: page });
  addEventListener('hashchange', () => page.openAddress());
  page.openAddress();
} catch (error) {
  byId('message').textContent = `The page cannot start: ${(error as Error).message}`;
}
