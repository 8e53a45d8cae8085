// SPDX-License-Identifier: LGPL-2.1-only
import { expectAsBare, guest64, logFlags, logged, ones } from './exiting_guest.js';

const randomNumbers = ['rdrand', 'rdseed'].flatMap((draw) =>
  ['rax', 'eax', 'ax', 'r9', 'r9d', 'r9w'].flatMap((register) => {
    const whole = register.startsWith('r9') ? 'r9' : 'rax';
    return [ones(whole), 'cmp rsp, rsp', `${draw} ${register}`, ...logFlags, ...logged(whole)];
  }),
);

describe('RDRAND and RDSEED that exit', () => {
  it('give the numbers of the bare machine, to registers of each size', () => expectAsBare(guest64(...randomNumbers)));
});
