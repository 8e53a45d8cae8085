// SPDX-License-Identifier: LGPL-2.1-only
import { skylakeClient } from '../../../src/machine/models/skylake_client.js';
import { compareWithDump, registers, type Differences } from './model_dump.js';

const features: Differences['features'] = {
  '1.0.ecx': 0n,
  '1.0.edx': 0n,
  '6.0.eax': 0n,
  '7.0.ebx': 1n << 6n, // FDP_EXCPTN_ONLY: the core does so
  '7.0.ecx': (1n << 2n) | (1n << 22n), // UMIP and RDPID, which are newer
  // MD_CLEAR, IBRS and IBPB, STIBP, L1D_FLUSH, IA32_ARCH_CAPABILITIES, SSBD, which microcode updates added
  '7.0.edx': (1n << 10n) | (1n << 26n) | (1n << 27n) | (1n << 28n) | (1n << 29n) | (1n << 31n),
  'd.0.eax': 0n,
  '80000001.0.edx': 1n << 11n, // SYSCALL: the dump was made in 32-bit mode, in which the bit is 0
  'msr 481': 1n << 39n, // posted interrupts, which servers had first
  'msr 483': 0n,
  'msr 484': 0n,
  'msr 485': 0n,
  'msr 489': 1n << 11n, // CR4.UMIP
  // APIC-register virtualization and virtual-interrupt delivery, which servers had first; mode-based execute control, which is newer
  'msr 48b': (1n << 40n) | (1n << 41n) | (1n << 54n),
  'msr 48d': 1n << 39n,
  'msr 48f': 0n,
  'msr 490': 0n,
};

const others: Differences['others'] = {
  'one core with one thread': [
    '1.0.ebx',
    '4.0.eax',
    '4.1.eax',
    '4.2.eax',
    '4.3.eax',
    'b.0.eax',
    'b.1.eax',
    'b.1.ebx',
    'msr 35',
  ],
  'the caches of a Core i7: 8 MiB of L3': ['2.0.ebx', '4.3.ebx'],
  'C1 is the deepest sleep': ['5.0.edx'],
  'no power management, no performance counters': ['6.0.ebx', '6.0.ecx', 'a.0.eax', 'a.0.edx', 'msr 1fc'],
  'XSAVE for x87 and SSE only': ['d.0.ebx', 'd.0.ecx', 'd.1.ebx', 'd.1.ecx'],
  'a clock of 1 GHz': [
    ...['15.0.eax', '15.0.ebx', '15.0.ecx', '16.0.eax', '16.0.ebx'],
    ...['msr ce', 'msr 198', 'msr 199', 'msr 1a2', 'msr 1ad'],
  ],
  'another name': [
    ...[2, 3].flatMap((n) => registers.map((name) => `8000000${n}.0.${name}`)),
    ...['80000004.0.eax', '80000004.0.ebx'],
  ],
  'another VMCS format, and another platform and microcode': ['msr 480', 'msr 17', 'msr 8b'],
};

const notInDump = ['msr 2a', 'msr 34', 'msr 79', 'msr fe', 'msr 10a', 'msr 140', 'msr 179', 'msr 17a'];

describe('skylakeClient', () => {
  compareWithDump(skylakeClient, { features, others, notInDump });
});
