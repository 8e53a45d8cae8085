// SPDX-License-Identifier: LGPL-2.1-only
import type { ProfileRecorder } from '../../../src/session/profile/profile_recorder.js';
import type { ProfileNames } from '../../../src/session/profile/profile_rows.js';

/** A profile of two processors: the first one in `schedule`, in a module and in a process of another address space, the second one in code without a name. */
export function madeProfile(): { readonly recorder: ProfileRecorder; readonly names: ProfileNames } {
  const samples = [
    { processor: 0, privilege: 0, rip: 0x1000n, space: 0x5000 },
    { processor: 0, privilege: 0, rip: 0x1004n, space: 0x5000 },
    { processor: 0, privilege: 0, rip: 0x2000n, space: 0x5000 },
    { processor: 0, privilege: 3, rip: 0x3000n, space: 0x6000 },
    { processor: 1, privilege: 0, rip: 0x4000n, space: undefined },
  ];
  const recorder: Pick<ProfileRecorder, 'size' | 'at' | 'interval' | 'slept'> & { readonly exits: unknown } = {
    size: samples.length,
    interval: 10_000,
    slept: [5_000, 0],
    at: (index) => samples[index]!,
    exits: [
      {
        all: () => [
          { reason: 10, handler: 1, count: 3, hostTime: 0.02 },
          { reason: 31, handler: 0, count: 4, hostTime: 0.005 },
        ],
      },
      { all: () => [] },
    ],
  };
  const symbol: ProfileNames['symbol'] = (address) => {
    if (address >> 12n === 1n) return { name: 'schedule', offset: address & 0xfffn };
    return address === 0x2000n ? { name: 'probe', offset: 0n, module: 'virtio_net' } : undefined;
  };
  return { recorder: recorder as ProfileRecorder, names: { handlers: ['counter'], symbol } };
}
