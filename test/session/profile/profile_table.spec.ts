// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { profileTable } from '../../../src/session/profile/profile_table.js';
import { madeProfile } from './made_profile.js';

describe('profileTable', () => {
  it('says where the guest was most, and what its VM exits were', () => {
    const { recorder, names } = madeProfile();
    expect(profileTable(recorder, names)).to.deep.equal([
      "profile: 5 samples, one each 10 µs of a processor's virtual time",
      '  2  40.0 %  processor 0  schedule',
      '  1  20.0 %  processor 1  (kernel code)',
      '  1  20.0 %  processor 0  (user code)',
      '  1  20.0 %  processor 0  probe [virtio_net]',
      'VM exits by reason and handler:',
      '  4  processor 0  rdmsr: -',
      '  3  processor 0  cpuid: counter',
    ]);
  });

  it('has 20 rows at most, and says how many more there are', () => {
    const { recorder, names } = madeProfile();
    const samples = Array.from({ length: 30 }, (_, index) => ({ processor: index, privilege: 0, rip: 0x1000n }));
    const many = { ...recorder, size: 30, at: (index: number) => samples[index]!, exits: [] };
    const lines = profileTable(many as unknown as typeof recorder, names);
    expect(lines).to.have.length(22);
    expect(lines.at(-1)).to.equal('  and 10 more');
  });
});
