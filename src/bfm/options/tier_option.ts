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

/** `--dump-compiled`, for the command-line parser. */
export const dumpCompiledOption = [
  '--dump-compiled <address>',
  'at the end, show the guest code of the compiled region that holds this linear address or name, next to its WebAssembly text',
] as const;

/** What `--dump-compiled` takes. */
const place = /^(0x[0-9a-f]{1,16}|[a-z_][\w.]{0,511})$/i;

/** The address of `--dump-compiled`, or a name of the guest's code. @throws UsageError */
export function parseDumpCompiled(text: string | undefined, tier: string): { readonly dumpCompiled?: string } {
  if (text === undefined) return {};
  if (!place.test(text))
    throw UsageError.ofOption(
      '--dump-compiled',
      text,
      "an address as in 0xffffffff81000000, or a name of the guest's code",
    );
  if (tier === 'off') throw new UsageError('--dump-compiled shows compiled code, and --tier off compiles none');
  return { dumpCompiled: text };
}
