// SPDX-License-Identifier: LGPL-2.1-only
import { At, expectAsBare, fsBase, guest64, logged, notCanonical, tried, unmapped } from './exiting_guest.js';

const monitors = [
  ...[
    'xor ecx, ecx',
    'xor edx, edx',
    `mov eax, ${At.data}`,
    'monitor',
    'mov [rax], rcx',
    'mwait',
    ...logged('rax', 'rcx', 'rdx'),
  ],
  ...['mov ecx, 1', ...tried('monitor'), 'xor ecx, ecx', `movabs rax, ${unmapped}`, ...tried('monitor')],
  ...[`movabs rax, ${notCanonical}`, ...tried('monitor'), ...fsBase(At.data), 'xor ecx, ecx', 'xor eax, eax'],
  ...[
    ...tried('.byte 0x64, 0x0f, 0x01, 0xc8'),
    `mov eax, ${At.data}`,
    'bts rax, 40',
    ...tried('.byte 0x67, 0x0f, 0x01, 0xc8'),
  ],
  // The store ends what is monitored. SS makes no difference in 64-bit mode.
  ...[`mov [${At.data}], rcx`, `movabs rax, ${notCanonical}`, ...tried('.byte 0x36, 0x0f, 0x01, 0xc8')],
  ...['mov ecx, 2', ...tried('mwait'), 'mov rcx, 0x100000000', ...tried('mwait'), 'mov ecx, 1', ...tried('mwait')],
];

describe('MONITOR and MWAIT that exit', () => {
  it('fault as on the bare machine, and the wait ends', () => expectAsBare(guest64(...monitors)));
});
