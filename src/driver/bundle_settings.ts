// SPDX-License-Identifier: LGPL-2.1-only
// How users' modules are compiled, wherever that happens: in bfm, for a site, or in a page.
import { HANDLER_GLOBALS, REPLACED_GLOBALS } from './handler_globals.js';

/** The compiler options that decide about the emitted code. A tsconfig in the user's folder has no effect. */
const tsconfigRaw = {
  compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false, verbatimModuleSyntax: true },
};

/** What all bundles of modules have in common, as options of esbuild. */
export const bundleSettings = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'] as string[],
  target: 'es2022',
  logLevel: 'silent',
  tsconfigRaw,
} as const;

/** What the code of modules has instead of globals that no run would have twice. A name behind `globalThis` is the same global. */
export const replacedGlobals: Readonly<Record<string, string>> = Object.fromEntries(
  REPLACED_GLOBALS.flatMap((name) =>
    [name, `globalThis.${name}`].map((each) => [each, `globalThis.${HANDLER_GLOBALS}.${name}`]),
  ),
);
