// SPDX-License-Identifier: LGPL-2.1-only
// A run as a page has it, its link, and the folder of a site that has its guest.
import type { RecordedItem } from '../../../src/session/recorded_item.js';
import type { SharedRun } from '../../../src/site/machine/run_link.js';
import type { TemporaryFolder } from '../../driver/node/temporary_folder.js';
import { fetchFile, ownGuest } from '../../site/machine/node_surroundings.js';
import { cpuidcount, TriedService } from '../../site/machine/tried_service.js';

const guest = ownGuest('echo', '');

/** Writes a site that has the guest `echo` and the extension cpuidcount. @returns its folder */
export async function writeSite(folder: TemporaryFolder): Promise<string> {
  const extensions = [{ name: 'cpuidcount', bundle: 'extensions/cpuidcount.js' }];
  folder.write('site/site.json', JSON.stringify({ guests: [guest], extensions }));
  folder.write('site/extensions/cpuidcount.js', cpuidcount);
  folder.write(`site/${guest.kernel}`, await fetchFile(guest.kernel));
  return `${folder.path}/site`;
}

/** A run of `echo`, at which somebody types and starts a VMM. */
export async function echoRun(): Promise<SharedRun> {
  const tried = new TriedService();
  await tried.request('boot', { guest, processors: 2 });
  tried.service.receive({ kind: 'typed', bytes: [...Buffer.from('typed')] });
  await tried.until(() => tried.heard.text('console').includes('typed'));
  await tried.request('load', { modules: ['cpuidcount'] });
  await tried.request('start', {});
  const items = (await tried.request('recording', {})) as RecordedItem[];
  return { guest: guest.id, processors: 2, items: items as SharedRun['items'], sources: {} };
}

/** The state hash at the end of a run. */
export function hashOf({ items }: SharedRun): string {
  const last = items.at(-1)!;
  return last.kind === 'end' ? last.hash : '';
}
