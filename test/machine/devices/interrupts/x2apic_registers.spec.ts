// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ApicBase } from '../../../../src/intrinsics/registers/msr_definitions.js';
import { InterruptMessages } from '../../../../src/machine/devices/interrupts/interrupt_messages.js';
import { LocalApic } from '../../../../src/machine/devices/interrupts/local_apic.js';
import {
  readX2apic,
  readX2apicHigh,
  writeX2apic,
  x2apicOffset,
} from '../../../../src/machine/devices/interrupts/x2apic_registers.js';
import { FakePlatform } from '../fake_platform.js';

/** APICs in x2APIC mode, with MSR accesses as the processor makes them. */
function make(count = 1) {
  const platform = new FakePlatform();
  const messages = new InterruptMessages();
  const log: string[] = [];
  const apics = Array.from({ length: count }, (_, id) => {
    const pins = {
      setInterruptPending: () => {},
      nmi: () => void log.push(`nmi ${id}`),
      init: () => void log.push(`init ${id}`),
      startUp: (page: number) => void log.push(`start ${id} at ${page}`),
    };
    return new LocalApic({ id, tickNanoseconds: 10 }, platform.events, messages, pins, () => -1);
  });
  for (const apic of apics) {
    apic.writeRegister(0x20, 0x77000000);
    apic.baseMsr |= ApicBase.EnableX2apicMode;
  }
  const read = (msr: number, id = 0): number | undefined => readX2apic(apics[id]!, x2apicOffset(msr));
  const write = (msr: number, low: number, high = 0, id = 0): boolean =>
    writeX2apic(apics[id]!, x2apicOffset(msr), low, high);
  for (let id = 0; id < count; id++) write(0x80f, 0x1ff, 0, id);
  return { apics, log, read, write };
}

describe('The registers of a local APIC in x2APIC mode', () => {
  it('are MSRs, with the number of the processor and a logical number that follows from it', () => {
    const { read } = make(3);
    expect([read(0x802), read(0x802, 2), read(0x80d), read(0x80d, 2)]).to.deep.equal([0, 2, 1, 4]);
    expect(read(0x803)! & 0xff).to.equal(0x14);
  });

  it('cannot be read or written before that mode', () => {
    const { apics, read, write } = make();
    apics[0]!.baseMsr &= ~ApicBase.EnableX2apicMode;
    expect([read(0x802), write(0x808, 0x20)]).to.deep.equal([undefined, false]);
  });

  it('raise #GP for registers that are not there, for reserved bits, and for accesses that they do not have', () => {
    const { read, write } = make();
    for (const msr of [0x800, 0x804, 0x80b, 0x80e, 0x82f, 0x831, 0x83f, 0x840, 0x8ff])
      expect(read(msr), `read ${msr.toString(16)}`).to.equal(undefined);
    for (const msr of [0x802, 0x803, 0x80a, 0x80d, 0x80e, 0x810, 0x827, 0x831, 0x839, 0x8ff])
      expect(write(msr, 0), `write ${msr.toString(16)}`).to.equal(false);
    const refused: [number, number, number?][] = [
      [0x808, 0x100],
      [0x808, 0, 1],
      [0x80b, 1],
      [0x828, 1],
      [0x830, 0x100000],
      [0x83e, 4],
      [0x83f, 0x100],
    ];
    for (const [msr, low, high] of refused) expect(write(msr, low, high), msr.toString(16)).to.equal(false);
  });

  it('send interrupts by one write of 64 bits', () => {
    const { apics, log, read, write } = make(3);
    expect(write(0x830, 0x41, 2)).to.equal(true);
    expect([apics[1]!.acknowledge(), apics[2]!.acknowledge()]).to.deep.equal([-1, 0x41]);
    expect([read(0x830), readX2apicHigh(apics[0]!, 0x300)]).to.deep.equal([0x41, 2]);
    // Logical, to 1 and 2; then all, then all others.
    write(0x830, 0x852, 6);
    expect(apics.map((apic) => apic.acknowledge())).to.deep.equal([-1, 0x52, 0x52]);
    write(0x830, 0x443, 0xffffffff);
    write(0x830, 0xc4500);
    write(0x830, 0xc4609);
    expect(log).to.deep.equal(['nmi 0', 'nmi 1', 'nmi 2', 'init 1', 'init 2', 'start 1 at 9', 'start 2 at 9']);
  });

  it('send an interrupt to the own processor by SELF IPI, and end it by EOI', () => {
    const { apics, read, write } = make(2);
    expect(write(0x83f, 0x51)).to.equal(true);
    expect(apics.map((apic) => apic.acknowledge())).to.deep.equal([0x51, -1]);
    expect(read(0x812)! >>> 17).to.equal(1);
    write(0x80b, 0);
    expect(read(0x812)).to.equal(0);
  });

  it('keep the interrupt command at a SELF IPI, which may have no vector below 16', () => {
    const { apics, read, write } = make(2);
    write(0x830, 0x41, 1);
    expect(write(0x83f, 0x51)).to.equal(true);
    expect([read(0x830), readX2apicHigh(apics[0]!, 0x300)]).to.deep.equal([0x41, 1]);
    write(0x83f, 0xf);
    write(0x828, 0);
    expect(read(0x828)).to.equal(0x20);
  });
});
