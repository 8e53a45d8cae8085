// SPDX-License-Identifier: LGPL-2.1-only
import { UsageError } from '../failures/usage_error.js';

/** Nothing is compiled, or all code at once: for tests. */
export type TierRequest = 'off' | 'forced';

/** Help of `--tier`. */
export const TIER_HELP =
  'hot code of the guest: on: it is compiled to WebAssembly; off: all code is interpreted; forced: all code is compiled at once, for tests. It changes speed only';

/** @throws UsageError for another mode */
export function parseTier(mode: string): { readonly tier?: TierRequest } {
  if (mode === 'on') return {};
  if (mode !== 'off' && mode !== 'forced') throw UsageError.ofOption('--tier', mode, 'on, off or forced');
  return { tier: mode };
}
