// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InterruptMessages } from '../../../../src/machine/devices/interrupts/interrupt_messages.js';
import { LocalApic } from '../../../../src/machine/devices/interrupts/local_apic.js';
import { FakePlatform } from '../fake_platform.js';

interface Made {
  readonly platform: FakePlatform;
  readonly apics: LocalApic[];
  readonly pending: boolean[];
  readonly log: string[];
}

function make(count = 1): Made {
  const platform = new FakePlatform();
  const messages = new InterruptMessages();
  const pending: boolean[] = [];
  const log: string[] = [];
  const apics = Array.from({ length: count }, (_, id) => {
    const signals = {
      setInterruptPending: (value: boolean) => void (pending[id] = value),
      nmi: () => void log.push(`nmi ${id}`),
      init: () => void log.push(`init ${id}`),
      startUp: (vector: number) => void log.push(`startup ${id} ${vector}`),
    };
    return new LocalApic({ id, tickNanoseconds: 10 }, platform.events, messages, signals, () => 0x77);
  });
  for (const apic of apics) apic.writeRegister(0xf0, 0x1ff);
  return { platform, apics, pending, log };
}

describe('LocalApic', () => {
  it('delivers by priority and keeps lower classes back until EOI', () => {
    const { apics, pending } = make();
    const apic = apics[0]!;
    apic.writeRegister(0x300, 0x40041);
    apic.writeRegister(0x300, 0x40052);
    expect(apic.acknowledge()).to.equal(0x52);
    expect(pending[0]).to.equal(false);
    expect(apic.readRegister(0xa0)).to.equal(0x50);
    apic.writeRegister(0xb0, 0);
    expect(pending[0]).to.equal(true);
    expect(apic.acknowledge()).to.equal(0x41);
  });

  it('is as after a reset when its processor has got INIT, but keeps its place and its number', () => {
    const { apics, platform } = make(2);
    const apic = apics[1]!;
    apic.writeRegister(0x20, 0x05000000);
    apic.writeRegister(0x300, 0x40041);
    apic.writeRegister(0x320, 0x42);
    apic.writeRegister(0x380, 100);
    apic.init();
    expect(platform.events.next()).to.equal(Infinity);
    expect([0x20, 0xf0, 0x220, 0x320, 0x380].map((register) => apic.readRegister(register))).to.deep.equal([
      0x05000000, 0xff, 0, 0x10000, 0,
    ]);
    expect(apic.baseMsr).to.equal(0xfee00800);
  });

  it('holds back what the task priority covers', () => {
    const { apics, pending } = make();
    apics[0]!.writeRegister(0x80, 0x50);
    apics[0]!.writeRegister(0x300, 0x40052);
    expect(pending[0]).to.equal(false);
    apics[0]!.taskPriority = 0x40;
    expect(pending[0]).to.equal(true);
  });

  it('runs its timer once, or again and again', () => {
    const { platform, apics } = make();
    const apic = apics[0]!;
    apic.writeRegister(0x3e0, 0xb);
    apic.writeRegister(0x320, 0x40);
    apic.writeRegister(0x380, 100);
    platform.advance(500);
    expect(apic.readRegister(0x390)).to.equal(50);
    platform.advance(500);
    expect(apic.acknowledge()).to.equal(0x40);
    apic.writeRegister(0xb0, 0);
    platform.advance(5000);
    expect(apic.acknowledge()).to.equal(-1);
    apic.writeRegister(0x320, 0x20040);
    apic.writeRegister(0x380, 100);
    let ticks = 0;
    for (let i = 0; i < 3; i++) {
      platform.advance(1000);
      if (apic.acknowledge() === 0x40) ticks++;
      apic.writeRegister(0xb0, 0);
    }
    expect(ticks).to.equal(3);
  });

  describe('whose one-shot count has ended', () => {
    const ended = (): { platform: FakePlatform; apic: LocalApic } => {
      const { platform, apics } = make();
      const apic = apics[0]!;
      apic.writeRegister(0x3e0, 0xb);
      apic.writeRegister(0x320, 0x40);
      apic.writeRegister(0x380, 100);
      platform.advance(1500);
      expect(apic.acknowledge()).to.equal(0x40);
      apic.writeRegister(0xb0, 0);
      return { platform, apic };
    };
    const write = (register: number, value: number) => (apic: LocalApic) => apic.writeRegister(register, value);
    for (const [what, change] of [
      ['its entry becomes periodic', write(0x320, 0x20040)],
      ['its entry is written as it is', write(0x320, 0x40)],
      ['its entry is masked', write(0x320, 0x10040)],
      ['the divider grows', write(0x3e0, 0xa)],
      ['the divider shrinks', write(0x3e0, 0xb)],
      [
        'its entry becomes periodic and the divider grows',
        (apic: LocalApic) => {
          write(0x320, 0x20040)(apic);
          write(0x3e0, 0xa)(apic);
        },
      ],
      [
        'the APIC is disabled by software and enabled again',
        (apic: LocalApic) => {
          write(0xf0, 0xff)(apic);
          write(0xf0, 0x1ff)(apic);
          write(0x320, 0x20040)(apic);
        },
      ],
    ] as const) {
      it(`stays at 0 when ${what}, until a count is written`, () => {
        const { platform, apic } = ended();
        change(apic);
        for (let i = 0; i < 3; i++) {
          expect([apic.readRegister(0x380), apic.readRegister(0x390)]).to.deep.equal([100, 0]);
          platform.advance(100_000);
          expect(apic.acknowledge()).to.equal(-1);
        }
        apic.writeRegister(0x320, 0x40);
        apic.writeRegister(0x380, 7);
        expect(apic.readRegister(0x390)).to.equal(7);
        platform.advance(100_000);
        expect(apic.acknowledge()).to.equal(0x40);
      });
    }
    it('stays at 0 in a state that was saved', () => {
      const { platform, apic } = ended();
      apic.restore(apic.save());
      apic.writeRegister(0x320, 0x20040);
      platform.advance(100_000);
      expect([apic.readRegister(0x390), apic.acknowledge()]).to.deep.equal([0, -1]);
    });
  });

  it('lets a running count go on when its entry changes; the mode at its end decides what follows', () => {
    const { platform, apics } = make();
    const apic = apics[0]!;
    apic.writeRegister(0x3e0, 0xb);
    apic.writeRegister(0x320, 0x40);
    apic.writeRegister(0x380, 100);
    platform.advance(600);
    apic.writeRegister(0x320, 0x20040);
    expect(apic.readRegister(0x390)).to.equal(40);
    platform.advance(400);
    expect(apic.acknowledge()).to.equal(0x40);
    apic.writeRegister(0xb0, 0);
    platform.advance(300);
    expect(apic.readRegister(0x390)).to.equal(70);
    apic.writeRegister(0x320, 0x40);
    expect(apic.readRegister(0x390)).to.equal(70);
    platform.advance(700);
    expect([apic.readRegister(0x390), apic.acknowledge()]).to.deep.equal([0, 0x40]);
    apic.writeRegister(0xb0, 0);
    platform.advance(5000);
    expect([apic.readRegister(0x390), apic.acknowledge()]).to.deep.equal([0, -1]);
  });

  it('lets a running count go on from where it is when the divider changes', () => {
    const { platform, apics } = make();
    const apic = apics[0]!;
    apic.writeRegister(0x3e0, 0xb); // by 1
    apic.writeRegister(0x320, 0x40);
    apic.writeRegister(0x380, 100);
    platform.advance(600);
    apic.writeRegister(0x3e0, 0); // by 2
    expect(apic.readRegister(0x390)).to.equal(40);
    platform.advance(799);
    expect([apic.readRegister(0x390), apic.acknowledge()]).to.deep.equal([1, -1]);
    platform.advance(1);
    expect([apic.readRegister(0x390), apic.acknowledge()]).to.deep.equal([0, 0x40]);
  });

  it('fires at a TSC deadline', () => {
    const { platform, apics } = make();
    const apic = apics[0]!;
    apic.writeRegister(0x320, 0x40040);
    apic.timer.tscDeadline = 1234n;
    platform.advance(1233);
    expect(apic.acknowledge()).to.equal(-1);
    platform.advance(1);
    expect(apic.acknowledge()).to.equal(0x40);
    expect(apic.timer.tscDeadline).to.equal(0n);
  });

  it('keeps all 64 bits of a TSC deadline, and compares them unsigned with the counter', () => {
    const platform = new FakePlatform();
    const signals = { setInterruptPending: () => {}, nmi: () => {}, init: () => {}, startUp: () => {} };
    let offset = 2n ** 63n - 100n;
    const options = { id: 0, tickNanoseconds: 10, tscOffset: () => offset };
    const apic = new LocalApic(options, platform.events, new InterruptMessages(), signals, () => -1);
    apic.writeRegister(0xf0, 0x1ff);
    apic.writeRegister(0x320, 0x40040);
    for (const value of [0xffff_ffff_ffff_ffffn, 2n ** 63n + 0x1234_5679n, 2n ** 63n + 3n]) {
      apic.timer.tscDeadline = value;
      expect(apic.timer.tscDeadline).to.equal(value);
      expect(apic.acknowledge()).to.equal(-1);
    }
    platform.advance(102);
    expect(apic.acknowledge()).to.equal(-1);
    platform.advance(1);
    expect(apic.acknowledge()).to.equal(0x40);
    apic.writeRegister(0xb0, 0);
    apic.timer.tscDeadline = 2n ** 63n;
    platform.advance(0);
    expect(apic.acknowledge(), 'a deadline that has passed').to.equal(0x40);
    apic.writeRegister(0xb0, 0);
    apic.timer.tscDeadline = 2n ** 63n + 0x1000n;
    offset = 0n;
    apic.timer.tscMoved();
    platform.advance(10_000);
    expect(apic.acknowledge(), 'the counter was set back').to.equal(-1);
  });

  it('passes the PIC through in virtual-wire mode', () => {
    const { apics, pending } = make();
    apics[0]!.writeRegister(0x350, 0x700);
    apics[0]!.setLint0(true);
    expect(pending[0]).to.equal(true);
    expect(apics[0]!.acknowledge()).to.equal(0x77);
    apics[0]!.writeRegister(0x350, 0x10700);
    expect(pending[0]).to.equal(false);
  });

  it('sends INIT and start-up to the other processors', () => {
    const { apics, log } = make(3);
    apics[0]!.writeRegister(0x300, 0xc4500);
    apics[0]!.writeRegister(0x310, 2 << 24);
    apics[0]!.writeRegister(0x300, 0x4608);
    expect(log).to.deep.equal(['init 1', 'init 2', 'startup 2 8']);
  });

  it('finds logical destinations in the flat and the cluster model', () => {
    const { apics } = make();
    const apic = apics[0]!;
    apic.writeRegister(0xd0, 0x24000000);
    expect([apic.matches(0x04, true), apic.matches(0x02, true)]).to.deep.equal([true, false]);
    apic.writeRegister(0xe0, 0x0fffffff);
    expect([apic.matches(0x24, true), apic.matches(0x14, true), apic.matches(0xff, true)]).to.deep.equal([
      true,
      false,
      true,
    ]);
  });

  it('masks all of its local vectors while it is disabled by software', () => {
    const { apics } = make();
    apics[0]!.writeRegister(0x370, 0x40);
    apics[0]!.writeRegister(0xf0, 0xff);
    expect(apics[0]!.readRegister(0x370) & 0x10000).to.equal(0x10000);
  });

  it('reports an illegal vector in the error status after the next write to it', () => {
    const { apics } = make();
    apics[0]!.writeRegister(0x300, 0x40005);
    expect(apics[0]!.readRegister(0x280)).to.equal(0);
    apics[0]!.writeRegister(0x280, 0);
    expect(apics[0]!.readRegister(0x280)).to.equal(0x20);
  });

  it('takes no message while IA32_APIC_BASE disables it, not even by a shorthand', () => {
    const { apics, log } = make(3);
    apics[1]!.baseMsr = 0xfee00000;
    for (const command of [0xc4400, 0xc4500, 0xc4608]) apics[0]!.writeRegister(0x300, command);
    expect(log).to.deep.equal(['nmi 2', 'init 2', 'startup 2 8']);
  });

  it('sends nothing by a delivery mode that the manual reserves', () => {
    const { apics, pending, log } = make(2);
    for (const mode of [3, 7]) apics[0]!.writeRegister(0x300, 0xc0041 | (mode << 8));
    for (const mode of [3, 6]) {
      apics[1]!.writeRegister(0x360, 0x41 | (mode << 8));
      apics[1]!.pulseLint1();
    }
    expect([pending[1] ?? false, log]).to.deep.equal([false, []]);
  });

  it('forgets its state when IA32_APIC_BASE disables it', () => {
    const { apics } = make();
    apics[0]!.writeRegister(0x80, 0x30);
    apics[0]!.baseMsr = 0xfee00100;
    apics[0]!.baseMsr = 0xfee00900;
    expect(apics[0]!.readRegister(0x80)).to.equal(0);
    expect(apics[0]!.readRegister(0xf0)).to.equal(0xff);
  });
});
