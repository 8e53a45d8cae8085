// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { symbolText } from '../../../src/intrinsics/texts/symbol_place.js';

describe('symbolText', () => {
  it('is the name, the distance if there is one, and the module if there is one', () => {
    expect(symbolText({ name: 'schedule', offset: 0n })).to.equal('schedule');
    expect(symbolText({ name: 'schedule', offset: 26n })).to.equal('schedule+0x1a');
    expect(symbolText({ name: 'probe', offset: 1n, module: 'ext4' })).to.equal('probe+0x1 [ext4]');
  });
});
