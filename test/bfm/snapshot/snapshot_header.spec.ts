// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FORMAT, parseHeader, type SnapshotHeader } from '../../../src/bfm/snapshot/snapshot_header.js';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import { LAYOUT_DIGEST } from '../../../src/machine/state/layout_digest.js';
import { facts, sha256 } from './saved_machine.js';

const header: SnapshotHeader = {
  format: FORMAT,
  layout: LAYOUT_DIGEST,
  model: 'skylake-client',
  memoryBytes: 16 << 20,
  processors: 1,
  ...facts,
  modules: [{ name: 'hook.ts', sha256 }],
  instructions: 12,
  virtualTime: 34,
  stateHash: '0123456789abcdef',
  seed: 7,
  lastOutput: '',
  sections: [{ kind: 'machine', stored: 1, raw: 2 }],
};
const parse = (change: object) => parseHeader(JSON.stringify({ ...header, ...change }), 'FILE');

describe('parseHeader', () => {
  it('takes what writeSnapshot writes', () => {
    expect(parse({})).to.deep.equal(header);
  });

  it('refuses another format or layout before anything else, with both', () => {
    expect(() => parse({ format: 1, model: 5 })).to.throw(
      SnapshotError,
      new RegExp(`^FILE .* it has format 1, .* format ${FORMAT}\\. `),
    );
    expect(() => parse({ layout: 'x', model: 5 })).to.throw(
      SnapshotError,
      /it has layout x, .* layout [0-9a-f]{16}\. /,
    );
  });

  it('names the field that is wrong', () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ memoryBytes: 0x10001 << 8 }, 'memoryBytes: found 16777472, expected a multiple of 65536'],
      [{ memoryBytes: 1 << 20 }, 'memoryBytes: found 1048576, expected at least 16777216'],
      [{ processors: 0 }, 'processors: found 0, expected at least 1'],
      [{ stateHash: 'g' }, 'stateHash: found "g", expected a text like'],
      [{ sections: [{ kind: 'pages', pages: 1025, stored: 1 }] }, 'sections.0.pages: found 1025, expected at most'],
      [{ sections: [{ kind: 'other' }] }, 'sections.0.kind: found "other", expected "machine" or'],
      [{ disks: [{ name: 'a', sha256: 'b', bytes: 1 }] }, 'disks.0.sha256: found "b", expected a SHA-256 digest'],
      [{ images: 5 }, 'images: found 5, expected a list'],
    ];
    for (const [change, field] of wrong)
      expect(() => parse(change)).to.throw(SnapshotError, `FILE is a damaged snapshot: ${field}`);
    expect(() => parseHeader('{', 'FILE')).to.throw(SnapshotError, 'its header is no JSON');
    expect(() => parseHeader('null', 'FILE')).to.throw(SnapshotError, 'damaged');
  });
});
