// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { DebuggedMachine } from '../../../src/bfm/gdb/debugged_machine.js';
import { gdbRegisters } from '../../../src/bfm/gdb/gdb_registers.js';
import { RegisterPackets } from '../../../src/bfm/gdb/register_packets.js';
import { raceGuest } from '../../machine/race_guest.js';
import { sessionOf } from './gdb_client.js';

/** The text of a P packet. @param value its bytes, in hexadecimal */
const written = (name: string, value: string): string =>
  `${gdbRegisters.findIndex((each) => each.name === name).toString(16)}=${value}`;

describe('RegisterPackets', () => {
  let packets: RegisterPackets;
  /** A machine with two processors. */
  beforeEach(async () => {
    const session = await sessionOf(raceGuest(2, 1), 2);
    packets = new RegisterPackets({ session, canChange: true } as DebuggedMachine);
  });

  it('read and write the registers of the processor that is asked for', () => {
    const other = packets.readAll(0);
    expect(packets.write(1, written('rbx', '8877665544332211'))).to.equal('OK');
    expect(packets.read(1, '1')).to.equal('8877665544332211');
    expect(packets.readAll(0)).to.equal(other);
    expect(packets.writeAll(0, packets.readAll(1))).to.match(/^E\.\w+ cannot be/);
    expect(packets.readAll(0)).to.equal(other);
  });

  it('refuse what the processor does not take, with the reason, and write nothing then', () => {
    const before = packets.readAll(0);
    expect(packets.write(0, written('cr0', '0000008000000000'))).to.match(
      /^E\.cr0 cannot be 0x80000000: MOV to CR0 does not take it/,
    );
    expect(packets.write(0, written('cs', '08000000'))).to.equal(
      'E.cs cannot be written: a far jump, call or return loads it, together with RIP',
    );
    expect(packets.write(0, written('ds', '00000100'))).to.match(/^E\.ds cannot be 0x10000: a selector has 16 bits/);
    expect(packets.write(0, written('tr_base', '0000010000000000'))).to.match(
      /^E\.tr_base cannot be written: it is loaded with/,
    );
    // RAX is the first register, CPL the last.
    const all = Buffer.from(before, 'hex');
    all[0] = 1;
    all[all.length - 1] = 1;
    expect(packets.writeAll(0, all.toString('hex'))).to.match(/^E\.cpl cannot be written/);
    expect(packets.readAll(0)).to.equal(before);
  });

  it('refuse numbers and data that are none', () => {
    for (const wrong of ['', 'xyz', 'ffff', '-1']) expect(packets.read(0, wrong), wrong).to.equal('E01');
    for (const wrong of ['', '0', '0=', '0=11', 'ffff=00', '0=zz'])
      expect(packets.write(0, wrong), wrong).to.equal('E01');
    for (const wrong of ['', '00', 'zz', `${packets.readAll(0)}00`])
      expect(packets.writeAll(0, wrong), wrong).to.equal('E01');
  });
});
