// SPDX-License-Identifier: LGPL-2.1-only
import { relative } from 'node:path';
import type { Reloaded } from '../../driver/reloaded.js';

/** A path as people type it. */
function shortened(path: string): string {
  const inside = relative('.', path);
  return inside.startsWith('..') ? path : inside;
}

/** What a reload has changed, as one line. */
export function reloadLine({ changed, added, removed }: Reloaded): string {
  const code = changed.length === 0 ? 'the code has not changed' : `new code: ${changed.map(shortened).join(', ')}`;
  return [
    `reloaded; ${code}`,
    ...(added.length === 0 ? [] : [`new contributions: ${added.join(', ')}`]),
    ...(removed.length === 0 ? [] : [`gone: ${removed.join(', ')}`]),
  ].join('; ');
}
