// SPDX-License-Identifier: LGPL-2.1-only

/** Lets the stack traces of a describe's tests name the sources of bundles, as they do where bfm runs a machine. The setting is the process's. */
export function withSourceMaps(): void {
  let wasEnabled = false;
  before(() => {
    wasEnabled = process.sourceMapsEnabled;
    process.setSourceMapsEnabled(true);
  });
  after(() => process.setSourceMapsEnabled(wasEnabled));
}
