// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseVmmPart, vmmPartText } from '../../../src/bfm/snapshot/vmm_part.js';
import { plainDataToText } from '../../../src/driver/plain_data_text.js';
import { SAVED_DRIVER_VERSION, type SavedDriver } from '../../../src/driver/saved_driver.js';
import { sha256 } from './saved_machine.js';

const driver: SavedDriver = {
  version: SAVED_DRIVER_VERSION,
  isRunning: true,
  modules: [{ file: 'hook.ts', hash: sha256 }],
  settings: { 'hook.depth': '3' },
  loadSeed: 0,
  traceVmcs: false,
  handlerNames: ['ExitHandlerIntelX64', 'hook'],
  lastReports: {},
  image: {
    vmm: { 'bareflank.Ept': { baseRoot: 5n, used: new Set([1n << 64n]) } },
    vcpus: new Map([[0n, { 'bareflank.DebugRing': { made: Uint8Array.of(1, 2) } }]]),
  },
};

describe('parseVmmPart', () => {
  it('takes what vmmPartText gives', () => {
    expect(parseVmmPart(vmmPartText(driver), 1)).to.deep.equal(driver);
    const unloaded = { ...driver, isRunning: false, image: undefined, lastReports: { hook: { taken: 5n, name: 'x' } } };
    expect(parseVmmPart(vmmPartText(unloaded), 4)).to.deep.equal(unloaded);
  });

  for (const [what, text, why] of [
    ['no text', '', /JSON/],
    ['another version', plainDataToText({ ...driver, version: 1 }), /version: found 1, expected \d/],
    ['a field more', plainDataToText({ ...driver, more: 1 }), /more/],
    [
      'a digest of another length',
      plainDataToText({ ...driver, modules: [{ file: 'x', hash: '12' }] }),
      /modules.0.hash/,
    ],
    ['parts that are no parts', plainDataToText({ ...driver, image: { vmm: [], vcpus: new Map() } }), /image/],
    ['ids that are no ids', plainDataToText({ ...driver, image: { vmm: {}, vcpus: new Map([['0', {}]]) } }), /image/],
    ['a VMM that runs without state', plainDataToText({ ...driver, image: undefined }), /vcpus none/],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => parseVmmPart(text, 1)).to.throw(Error, why);
    });

  it('refuses a VMM that runs on fewer processors than the machine has', () => {
    expect(() => parseVmmPart(vmmPartText(driver), 2)).to.throw(
      Error,
      /runs on 2 processors, and has the state of vcpus 0/,
    );
  });
});
