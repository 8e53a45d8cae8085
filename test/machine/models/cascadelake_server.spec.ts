// SPDX-License-Identifier: LGPL-2.1-only
import { cascadelakeServer } from '../../../src/machine/models/cascadelake_server.js';
import { compareWithDump, registers, type Differences } from './model_dump.js';

const features: Differences['features'] = {
  '1.0.ecx': 0n,
  '1.0.edx': 0n,
  '6.0.eax': 0n,
  '7.0.ebx': 0n,
  '7.0.ecx': (1n << 2n) | (1n << 22n), // UMIP and RDPID, which are newer
  'd.0.eax': 0n,
};

const others: Differences['others'] = {
  'one core with one thread': [
    '1.0.ebx',
    '4.0.eax',
    '4.1.eax',
    '4.2.eax',
    '4.3.eax',
    'b.0.ebx',
    'b.0.eax',
    'b.1.eax',
    'b.1.ebx',
  ],
  'C1 is the deepest sleep': ['5.0.edx'],
  'no power management, no performance counters': ['6.0.ebx', '6.0.ecx', 'a.0.eax', 'a.0.edx'],
  'XSAVE for x87 and SSE only': ['d.0.ebx', 'd.0.ecx', 'd.1.ebx', 'd.1.ecx'],
  'a clock of 1 GHz': ['15.0.eax', '15.0.ebx', '15.0.ecx', '16.0.eax', '16.0.ebx'],
  'another name': [
    ...[2, 3].flatMap((n) => registers.map((name) => `8000000${n}.0.${name}`)),
    ...['80000004.0.eax', '80000004.0.ebx', '80000004.0.ecx'],
  ],
};

/** The dump has no MSRs. */
const notInDump = cascadelakeServer.msrs.map(({ address }) => `msr ${address.toString(16)}`);

describe('cascadelakeServer', () => {
  compareWithDump(cascadelakeServer, { features, others, notInDump });
});
