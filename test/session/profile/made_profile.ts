// SPDX-License-Identifier: LGPL-2.1-only
import type { ProfileRecorder } from '../../../src/session/profile/profile_recorder.js';
import type { ProfileNames } from '../../../src/session/profile/profile_rows.js';

/** The same, where `schedule` was called by `main` and by itself, and `probe` by `schedule`. */
export function madeProfileWithCallers(): ReturnType<typeof madeProfile> {
  const { recorder, names } = madeProfile();
  const chains: readonly (readonly bigint[])[] = [[], [0x5000n], [0x1008n, 0x5000n]];
  const chainOf = [1, 2, 2, 0, 0];
  const { size, interval, slept, exits } = recorder;
  const made = {
    ...{ size, interval, slept, exits },
    at: (index: number) => ({ ...recorder.at(index), chain: chainOf[index]! }),
    callersOf: (chain: number) => chains[chain]!,
  };
  const symbol: ProfileNames['symbol'] = (address) =>
    address === 0x5000n ? { name: 'main', offset: 0n } : names.symbol(address);
  return { recorder: made as unknown as ProfileRecorder, names: { ...names, symbol } };
}

/** A profile of two processors: the first one in `schedule`, in a module and in a process of another address space, the second one in code without a name. */
export function madeProfile(): { readonly recorder: ProfileRecorder; readonly names: ProfileNames } {
  const samples = [
    { processor: 0, privilege: 0, rip: 0x1000n, space: 0x5000, chain: 0 },
    { processor: 0, privilege: 0, rip: 0x1004n, space: 0x5000, chain: 0 },
    { processor: 0, privilege: 0, rip: 0x2000n, space: 0x5000, chain: 0 },
    { processor: 0, privilege: 3, rip: 0x3000n, space: 0x6000, chain: 0 },
    { processor: 1, privilege: 0, rip: 0x4000n, space: undefined, chain: 0 },
  ];
  const recorder: Pick<ProfileRecorder, 'size' | 'at' | 'callersOf' | 'interval' | 'slept'> & {
    readonly exits: unknown;
  } = {
    size: samples.length,
    interval: 10_000,
    slept: [5_000, 0],
    at: (index) => samples[index]!,
    callersOf: () => [],
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
