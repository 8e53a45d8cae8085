// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { profileTable } from '../../../src/session/profile/profile_table.js';
import { madeProfile, madeProfileWithCallers } from './made_profile.js';

describe('profileTable', () => {
  it('says where the guest was most, and what its VM exits were', () => {
    const { recorder, names } = madeProfile();
    expect(profileTable(recorder, names)).to.deep.equal([
      "profile: 5 samples, one each 10 µs of a processor's virtual time",
      '  2  40.0 %  processor 0  schedule',
      '  1  20.0 %  processor 1  (kernel code)',
      '  1  20.0 %  processor 0  (user code)',
      '  1  20.0 %  processor 0  probe [virtio_net]',
      'by address space:',
      '  3  60.0 %  CR3 0x5000  kernel',
      '  1  20.0 %   no paging  kernel',
      '  1  20.0 %  CR3 0x6000  user',
      'VM exits by reason and handler, with the real time in which the VMM handled them:',
      '  4  0.0 ms  processor 0  rdmsr: -',
      '  3  0.0 ms  processor 0  cpuid: counter',
    ]);
  });

  it('counts a function with what it called, once a sample', () => {
    const { recorder, names } = madeProfileWithCallers();
    const lines = profileTable(recorder, names);
    const at = lines.indexOf('with what they called, in the kernel:');
    expect(lines.slice(at + 1, at + 5)).to.deep.equal([
      '  3  60.0 %  main',
      '  3  60.0 %  schedule',
      '  1  20.0 %  (kernel code)',
      '  1  20.0 %  probe [virtio_net]',
    ]);
  });

  it('has 20 rows at most, and says how many more there are', () => {
    const { recorder, names } = madeProfile();
    const samples = Array.from({ length: 30 }, (_, index) => ({
      processor: index,
      privilege: 0,
      rip: 0x1000n,
      space: 0,
    }));
    const many = { ...recorder, size: 30, at: (index: number) => samples[index]!, exits: [] };
    const lines = profileTable(many as unknown as typeof recorder, names);
    expect(lines.slice(21)).to.deep.equal(['  and 10 more', 'by address space:', '  30  100.0 %  CR3 0x0  kernel']);
  });
});
