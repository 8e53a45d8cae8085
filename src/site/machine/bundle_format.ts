// SPDX-License-Identifier: LGPL-2.1-only
// The bundles of a site: how they are made from a module's source, and how they import what they share with the framework.
import { bundleSettings, replacedGlobals } from '../../driver/bundle_settings.js';
import { HANDLER_GLOBALS } from '../../driver/handler_globals.js';

/** The packages of which only the running copy may be used. */
export const SHARED_PACKAGES = ['bareflank', 'inversify', 'reflect-metadata'] as const;

const PREFIX = 'bareflank-shared:';

/** Such a package in the text of a bundle, with its quotes. The loader puts an address in its place: a worker has no import map. */
export const SHARED_IMPORT = new RegExp(`"${PREFIX}([a-z-]+)"`, 'g');

/** As much of esbuild's plugin interface as a bundle needs. */
interface PluginBuild {
  onResolve(
    options: { filter: RegExp },
    callback: (found: { path: string }) => { path: string; external: true } | { errors: { text: string }[] },
  ): void;
}

const shareFramework = {
  name: 'share the framework',
  setup({ onResolve }: PluginBuild): void {
    onResolve({ filter: /^(bareflank|inversify|reflect-metadata)(\/|$)/ }, ({ path }) =>
      SHARED_PACKAGES.some((name) => name === path)
        ? { path: `${PREFIX}${path}`, external: true }
        : { errors: [{ text: `'${path}' is not public; import from ${SHARED_PACKAGES.join(', ')}` }] },
    );
  },
};

/** Async functions become functions that make Promises, and all Promises of a bundle are those of the handlers' globals: a browser shows nobody its own. */
const watchedPromises = {
  supported: { 'async-await': false, 'async-generator': false, 'for-await': false },
  banner: { js: `const { Promise } = globalThis.${HANDLER_GLOBALS};` },
  define: { 'globalThis.Promise': 'Promise' },
};

/** Options of esbuild, and of esbuild-wasm, for the bundle of one module. */
export const siteBundleOptions = {
  ...bundleSettings,
  ...watchedPromises,
  define: { ...replacedGlobals, ...watchedPromises.define },
  plugins: [shareFramework],
};
