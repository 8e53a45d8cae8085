// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { profiledCode, profiledExits } from '../../../src/session/profile/profile_rows.js';
import { madeProfile } from './made_profile.js';

const { recorder, names } = madeProfile();

describe('profiledCode', () => {
  it('counts the samples of each function, the most frequent first', () => {
    expect(profiledCode(recorder, names)).to.deep.equal([
      { processor: 0, name: 'schedule', module: '', samples: 2 },
      { processor: 1, name: '(kernel code)', module: '', samples: 1 },
      { processor: 0, name: '(user code)', module: '', samples: 1 },
      { processor: 0, name: 'probe', module: 'virtio_net', samples: 1 },
    ]);
  });
});

describe('profiledExits', () => {
  it('names reasons and handlers', () => {
    expect(profiledExits(recorder, names)).to.deep.equal([
      { processor: 0, reason: 'rdmsr', handler: '-', count: 4 },
      { processor: 0, reason: 'cpuid', handler: 'counter', count: 3 },
    ]);
  });
});
