// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { useSourceMaps } from '../../../src/driver/node/source_maps.js';

const module = new URL('../../../src/driver/node/source_maps.js', import.meta.url).href;

describe('useSourceMaps', () => {
  it('leaves the main thread as it is: a program that runs machines there decides', () => {
    const before = process.sourceMapsEnabled;
    useSourceMaps();
    expect(process.sourceMapsEnabled).to.equal(before);
  });

  it("maps the traces of a machine's worker", async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      import('${module}').then(({ useSourceMaps }) => {
        useSourceMaps();
        parentPort.postMessage(process.sourceMapsEnabled);
      });`;
    const worker = new Worker(code, { eval: true });
    const [isEnabled] = (await once(worker, 'message')) as [boolean];
    await worker.terminate();
    expect(isEnabled).to.equal(true);
  });
});
