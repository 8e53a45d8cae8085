// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mergedCode, profiledCode, profiledExits } from '../../../src/session/profile/profile_rows.js';
import { madeProfile } from './made_profile.js';

const { recorder, names } = madeProfile();
const kernel = { processor: 0, space: 'CR3 0x5000', side: 'kernel' };

describe('profiledCode', () => {
  it('counts the samples of each function, the most frequent first', () => {
    expect(profiledCode(recorder, names)).to.deep.equal([
      { ...kernel, name: 'schedule', module: '', callers: [], samples: 2 },
      { processor: 1, space: 'no paging', side: 'kernel', name: '(kernel code)', module: '', callers: [], samples: 1 },
      { processor: 0, space: 'CR3 0x6000', side: 'user', name: '(user code)', module: '', callers: [], samples: 1 },
      { ...kernel, name: 'probe', module: 'virtio_net', callers: [], samples: 1 },
    ]);
  });
});

describe('mergedCode', () => {
  it('adds up rows with the same key', () => {
    const merged = mergedCode(profiledCode(recorder, names), ({ space }) => space);
    expect(merged.map(({ space, samples }) => [space, samples])).to.deep.equal([
      ['CR3 0x5000', 3],
      ['no paging', 1],
      ['CR3 0x6000', 1],
    ]);
  });
});

describe('profiledExits', () => {
  it('names reasons and handlers', () => {
    expect(profiledExits(recorder, names)).to.deep.equal([
      { processor: 0, reason: 'rdmsr', handler: '-', count: 4, hostTime: 0.005 },
      { processor: 0, reason: 'cpuid', handler: 'counter', count: 3, hostTime: 0.02 },
    ]);
  });
});
