// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Hpet } from '../../../../src/machine/devices/hpet/hpet.js';
import {
  HPET_BASE,
  HPET_TICK_NANOSECONDS as TICK,
  HpetConfiguration,
  HpetRegister as Register,
  HpetTimer,
} from '../../../../src/machine/devices/hpet/hpet_registers.js';
import { FakePlatform } from '../fake_platform.js';

const { Enable, LegacyReplacement } = HpetConfiguration;
const ROUTE_20 = 20 << 9;

describe('Hpet', () => {
  function make() {
    const platform = new FakePlatform();
    const lines = new Map<number, ReturnType<FakePlatform['line']>>();
    const line = (irq: number): ReturnType<FakePlatform['line']> => {
      if (!lines.has(irq)) lines.set(irq, platform.line());
      return lines.get(irq)!;
    };
    const hpet = new Hpet(platform.bus, platform.events, { line });
    const read = (offset: number): number => platform.bus.readMemory(HPET_BASE + offset, 4);
    const write = (offset: number, value: number): void => platform.bus.writeMemory(HPET_BASE + offset, 4, value);
    const timer = (n: number, configuration: number, comparator: number): void => {
      write(Register.TimerConfiguration + n * Register.TimerBytes, configuration);
      write(Register.TimerComparator + n * Register.TimerBytes, comparator);
      if ((configuration & (HpetTimer.Periodic | HpetTimer.Force32Bit)) === 0)
        write(Register.TimerComparator + n * Register.TimerBytes + 4, 0);
    };
    return { platform, hpet, line, read, write, timer };
  }

  it('says what it has: three timers, 64 bits, legacy replacement, and the period in femtoseconds', () => {
    const { read } = make();
    expect([read(0), read(4)]).to.deep.equal([0x8086a201, TICK * 1e6]);
    expect(read(Register.TimerConfiguration)).to.equal(HpetTimer.PeriodicCapable | HpetTimer.Is64Bit);
    expect(read(Register.TimerConfiguration + 4), 'routes').to.equal(0x00f00000);
    expect([read(0x160), read(0x3f8), read(8)], 'there is nothing else').to.deep.equal([0, 0, 0]);
  });

  it('counts while it is enabled, in all 64 bits, and keeps its count while it is not', () => {
    const { platform, read, write } = make();
    platform.advance(1000);
    expect(read(Register.MainCounter)).to.equal(0);
    write(Register.MainCounter, 0xffffffff);
    write(Register.MainCounter + 4, 7);
    write(Register.Configuration, Enable);
    platform.advance(3 * TICK + TICK - 1);
    expect([read(Register.MainCounter), read(Register.MainCounter + 4)]).to.deep.equal([2, 8]);
    write(Register.Configuration, 0);
    platform.advance(1e9);
    expect([read(Register.MainCounter), read(Register.MainCounter + 4)]).to.deep.equal([2, 8]);
  });

  it('gives parts of a register, and takes whole halves only', () => {
    const { platform, read, write } = make();
    write(Register.MainCounter, 0x11223344);
    expect(platform.bus.readMemory(HPET_BASE + Register.MainCounter + 1, 2)).to.equal(0x2233);
    platform.bus.writeMemory(HPET_BASE + Register.MainCounter, 2, 0xffff);
    platform.bus.writeMemory(HPET_BASE + Register.MainCounter + 2, 4, 0xffff);
    expect(read(Register.MainCounter)).to.equal(0x11223344);
  });

  it('clears no status by a write of its reserved half', () => {
    const { platform, read, write, timer } = make();
    timer(0, HpetTimer.InterruptEnable | HpetTimer.Level | ROUTE_20, 100);
    write(Register.Configuration, Enable);
    platform.advance(100 * TICK);
    expect(read(Register.InterruptStatus)).to.equal(1);
    write(Register.InterruptStatus + 4, 0);
    expect(read(Register.InterruptStatus)).to.equal(1);
    write(Register.InterruptStatus, 1);
    expect(read(Register.InterruptStatus)).to.equal(0);
  });

  it('interrupts once when the counter reaches the comparator', () => {
    const { platform, line, write, timer } = make();
    timer(0, HpetTimer.InterruptEnable | ROUTE_20, 100);
    write(Register.Configuration, Enable);
    platform.advance(100 * TICK - 1);
    expect(line(20).edges).to.equal(0);
    platform.advance(1);
    expect(line(20).edges).to.equal(1);
    platform.advance(60e9);
    expect(line(20).edges).to.equal(1);
  });

  it('interrupts again after the low half of the counter has wrapped, in 32-bit mode', () => {
    const { platform, line, write, timer } = make();
    timer(1, HpetTimer.InterruptEnable | HpetTimer.Force32Bit | ROUTE_20, 100);
    write(Register.Configuration, Enable);
    platform.advance(2 ** 32 * TICK + 100 * TICK);
    expect(line(20).edges).to.equal(2);
  });

  it('interrupts at each period from the first match, as Linux sets it up', () => {
    const { platform, line, read, write } = make();
    write(Register.Configuration, Enable);
    platform.advance(5000 * TICK);
    const mode = HpetTimer.InterruptEnable | HpetTimer.Periodic | HpetTimer.ValueSet | HpetTimer.Force32Bit | ROUTE_20;
    write(Register.TimerConfiguration, mode);
    write(Register.TimerComparator, 5200);
    write(Register.TimerComparator, 100);
    platform.advance(200 * TICK - 1);
    expect(line(20).edges).to.equal(0);
    platform.advance(1 + 300 * TICK);
    expect(line(20).edges).to.equal(4);
    expect(read(Register.TimerComparator), 'the next match').to.equal(5600);
  });

  it('takes first match and period of 64 bits, half by half', () => {
    const { platform, line, write, read } = make();
    write(Register.MainCounter + 4, 1);
    write(Register.TimerConfiguration, HpetTimer.InterruptEnable | HpetTimer.Periodic | HpetTimer.ValueSet | ROUTE_20);
    for (const [low, high] of [
      [50, 1],
      [10, 0],
    ] as const) {
      write(Register.TimerComparator, low);
      write(Register.TimerComparator + 4, high);
    }
    write(Register.Configuration, Enable);
    platform.advance(75 * TICK);
    expect(line(20).edges).to.equal(3);
    expect([read(Register.TimerComparator), read(Register.TimerComparator + 4)]).to.deep.equal([80, 1]);
  });

  it('misses the matches of a time in which nobody looked, and goes on in step', () => {
    const { platform, line, write, timer } = make();
    timer(0, HpetTimer.InterruptEnable | HpetTimer.Periodic | HpetTimer.ValueSet | HpetTimer.Force32Bit | ROUTE_20, 10);
    write(Register.Configuration, Enable);
    platform.time = 105 * TICK;
    platform.events.runDue();
    expect(line(20).edges).to.equal(1);
    expect(platform.events.next()).to.equal(110 * TICK);
  });

  it('treats a period of 0 as one shot, so that a hostile guest cannot stop time', () => {
    const { platform, line, write, timer } = make();
    timer(0, HpetTimer.InterruptEnable | HpetTimer.Periodic | HpetTimer.ValueSet | HpetTimer.Force32Bit | ROUTE_20, 0);
    write(Register.Configuration, Enable);
    platform.events.runDue();
    expect(line(20).edges).to.equal(1);
    expect(platform.events.next()).to.be.greaterThan(0);
  });

  it('keeps a level-triggered interrupt until software clears its status', () => {
    const { platform, line, read, write, timer } = make();
    timer(2, HpetTimer.InterruptEnable | HpetTimer.Level | (23 << 9), 10);
    write(Register.Configuration, Enable);
    platform.advance(10 * TICK);
    expect([line(23).level, read(Register.InterruptStatus)]).to.deep.equal([true, 4]);
    write(Register.InterruptStatus, 3);
    expect(line(23).level).to.equal(true);
    write(Register.InterruptStatus, 4);
    expect([line(23).level, read(Register.InterruptStatus)]).to.deep.equal([false, 0]);
  });

  it('keeps its route if software asks for one that does not exist', () => {
    const { read, write } = make();
    write(Register.TimerConfiguration, ROUTE_20);
    write(Register.TimerConfiguration, HpetTimer.InterruptEnable | (3 << 9));
    expect(read(Register.TimerConfiguration) & HpetTimer.Route).to.equal(ROUTE_20);
  });

  it('replaces the interrupts of the PIT and the RTC while software wants that', () => {
    const { platform, hpet, line, write, timer } = make();
    const [pit, rtc] = [hpet.legacyLine(0), hpet.legacyLine(1)];
    pit.set(true);
    expect([line(0).level, line(8).level]).to.deep.equal([true, false]);
    timer(0, HpetTimer.InterruptEnable, 10);
    timer(1, HpetTimer.InterruptEnable, 20);
    write(Register.Configuration, Enable | LegacyReplacement);
    rtc.set(true);
    expect([line(0).level, line(8).level], 'of the HPET').to.deep.equal([false, false]);
    platform.advance(20 * TICK);
    expect([line(0).edges, line(8).edges]).to.deep.equal([2, 1]);
    write(Register.Configuration, Enable);
    expect([line(0).level, line(8).level], 'as the PIT and the RTC drive them').to.deep.equal([true, true]);
  });

  it('goes on from a saved state', () => {
    const [first, second] = [make(), make()];
    first.timer(0, HpetTimer.InterruptEnable | HpetTimer.Force32Bit | ROUTE_20, 1000);
    first.write(Register.Configuration, Enable);
    first.platform.advance(600 * TICK);
    second.platform.time = first.platform.time;
    second.hpet.restore(JSON.parse(JSON.stringify(first.hpet.save())) as object);
    second.platform.events.restore(first.platform.events.save());
    expect(second.read(Register.MainCounter)).to.equal(600);
    second.platform.advance(400 * TICK);
    expect(second.line(20).edges).to.equal(1);
    second.hpet.reset();
    expect([second.read(Register.MainCounter), second.platform.events.next()]).to.deep.equal([0, Infinity]);
  });
});
