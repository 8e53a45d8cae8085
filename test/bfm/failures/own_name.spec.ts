// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inOwnName, ownNameOf } from '../../../src/bfm/failures/own_name.js';

const folder = '/home/user/bareflank';
const nameOf = (program: string, environment: Record<string, string> = {}): string =>
  ownNameOf({ environment, program, folder });

describe('ownNameOf', () => {
  it('is npx bfm for a program that npx has started, by each version of npm', () => {
    for (const script of ['bfm', "'bfm'", '"bfm" "run"', 'bfm run'])
      expect(
        nameOf(`${folder}/node_modules/.bin/bfm`, { npm_lifecycle_event: 'npx', npm_lifecycle_script: script }),
      ).to.equal('npx bfm');
  });

  it('is bfm for one on the PATH, also if npx has started what runs it', () => {
    expect(nameOf('/usr/local/bin/bfm')).to.equal('bfm');
    for (const script of ['mocha', 'bfm-other', 'node x bfm'])
      expect(nameOf('/usr/local/bin/bfm', { npm_lifecycle_event: 'npx', npm_lifecycle_script: script })).to.equal(
        'bfm',
      );
    expect(nameOf('/usr/local/bin/bfm', { npm_lifecycle_event: 'test', npm_lifecycle_script: 'bfm' })).to.equal('bfm');
  });

  it('is its file for one that Node has started', () => {
    expect(nameOf(`${folder}/bin/bfm.mjs`)).to.equal('node bin/bfm.mjs');
  });
});

describe('inOwnName', () => {
  const commands = ['run', 'driver_load', 'load'];

  it('changes command lines, and leaves bfm in sentences, paths and lines that have npx', () => {
    const text =
      "bfm: not made yet: bfm run makes it\nTry 'bfm load --help'; bfm driver_load && bfm load x; npx bfm run; the bfm that ran; ./bfm run; bfm runs it";
    expect(inOwnName(text, commands, 'npx bfm')).to.equal(
      "bfm: not made yet: npx bfm run makes it\nTry 'npx bfm load --help'; npx bfm driver_load && npx bfm load x; npx bfm run; the bfm that ran; ./bfm run; bfm runs it",
    );
    expect(inOwnName(text, commands, 'bfm')).to.equal(text);
  });

  it('changes the usage of the program and of its commands', () => {
    expect(inOwnName("Usage: bfm [options] [command]\nTry 'bfm --help'", commands, 'npx bfm')).to.equal(
      "Usage: npx bfm [options] [command]\nTry 'npx bfm --help'",
    );
  });
});
