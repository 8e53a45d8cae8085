// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { EventQueue } from './event_queue.js';
import type { Timer } from './timer.js';
import { ticksAt, timeOfTick } from './frequency.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus, PortHandler } from './io_bus.js';

/** 2020-01-01T00:00:00Z in seconds since 1970: the default start time of every run. */
export const RTC_DEFAULT_START = 1577836800;

const SECOND = 1e9;
const OSCILLATOR_HZ = 32768;
/** The update-in-progress bit is set for this long before each full second (244 µs in the data sheet). */
const UPDATE_NANOSECONDS = 244_000;

const REGISTER_A = 10;
const REGISTER_B = 11;
const REGISTER_C = 12;
const REGISTER_D = 13;
const CENTURY = 0x32;
const CLOCK_REGISTERS = new Set([0, 2, 4, 6, 7, 8, 9, CENTURY]);
const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE = 0x10;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;

interface RtcState {
  index: number;
  cmos: number[];
  /** Seconds since 1970 at virtual time 0; moves when a program sets the clock. */
  epoch: number;
  /** The clock's fields while the SET bit freezes them. */
  frozen: number | null;
}

/** The MC146818 real-time clock with 128 bytes of CMOS memory at ports 70h and 71h. MC146818A data sheet. */
export class Rtc extends StatefulDevice<RtcState> implements PortHandler {
  readonly name = 'rtc';
  private readonly periodic: Timer;
  private readonly second: Timer;

  /**
   * @param memoryBytes guest RAM, which CMOS tells the firmware.
   * @param start seconds since 1970 at virtual time 0.
   */
  constructor(
    bus: IoBus,
    private readonly events: EventQueue,
    private readonly interrupt: InterruptLine,
    private readonly memoryBytes: number,
    private readonly start = RTC_DEFAULT_START,
  ) {
    super();
    this.state = this.initialState();
    this.periodic = events.timer('rtc.periodic', (deadline) => this.periodicTick(deadline));
    this.second = events.timer('rtc.second', (deadline) => this.secondPassed(deadline));
    bus.claimPorts(0x70, 2, this);
  }

  protected initialState(): RtcState {
    const cmos = new Array<number>(128).fill(0);
    cmos[REGISTER_A] = 0x26;
    cmos[REGISTER_B] = B_24_HOURS;
    cmos[REGISTER_D] = 0x80;
    this.storeMemorySize(cmos);
    return { index: REGISTER_D, cmos, epoch: this.start, frozen: null };
  }

  private storeMemorySize(cmos: number[]): void {
    const put = (index: number, value: number): void => {
      cmos[index] = value & 0xff;
      cmos[index + 1] = (value >> 8) & 0xff;
    };
    const kilobytes = Math.floor((this.memoryBytes ?? 0) / 1024);
    put(0x15, 640);
    const extended = Math.min(Math.max(kilobytes - 1024, 0), 0xffff);
    put(0x17, extended);
    put(0x30, extended);
    put(0x34, Math.min(Math.max(Math.floor((kilobytes - 16384) / 64), 0), 0xffff));
  }

  readPort(port: number): number {
    if (port === 0x70) return 0xff;
    const index = this.state.index;
    if (CLOCK_REGISTERS.has(index)) return this.readClock(index);
    if (index === REGISTER_A) return this.state.cmos[REGISTER_A]! | (this.updateInProgress() ? 0x80 : 0);
    if (index === REGISTER_C) {
      const flags = this.state.cmos[REGISTER_C]!;
      this.state.cmos[REGISTER_C] = 0;
      this.updateInterrupt();
      return flags;
    }
    return this.state.cmos[index]!;
  }

  writePort(port: number, _size: AccessSize, value: number): void {
    const index = this.state.index;
    if (port === 0x70) this.state.index = value & 0x7f;
    else if (CLOCK_REGISTERS.has(index)) this.writeClock(index, value);
    else if (index === REGISTER_A) this.writeA(value);
    else if (index === REGISTER_B) this.writeB(value);
    else if (index !== REGISTER_C && index !== REGISTER_D) this.state.cmos[index] = value;
  }

  /** The clock now, in seconds since 1970. */
  private now(): number {
    return this.state.frozen ?? this.state.epoch + Math.floor(this.events.now() / SECOND);
  }

  private updateInProgress(): boolean {
    return this.state.frozen === null && this.events.now() % SECOND >= SECOND - UPDATE_NANOSECONDS;
  }

  private encode(value: number): number {
    return this.state.cmos[REGISTER_B]! & B_BINARY ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  private decode(value: number): number {
    return this.state.cmos[REGISTER_B]! & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
  }

  private encodeHours(hours: number): number {
    if (this.state.cmos[REGISTER_B]! & B_24_HOURS) return this.encode(hours);
    return this.encode(hours % 12 || 12) | (hours >= 12 ? 0x80 : 0);
  }

  private decodeHours(value: number): number {
    if (this.state.cmos[REGISTER_B]! & B_24_HOURS) return this.decode(value);
    return (this.decode(value & 0x7f) % 12) + (value & 0x80 ? 12 : 0);
  }

  private readClock(index: number): number {
    const date = new Date(this.now() * 1000);
    switch (index) {
      case 0:
        return this.encode(date.getUTCSeconds());
      case 2:
        return this.encode(date.getUTCMinutes());
      case 4:
        return this.encodeHours(date.getUTCHours());
      case 6:
        return this.encode(date.getUTCDay() + 1);
      case 7:
        return this.encode(date.getUTCDate());
      case 8:
        return this.encode(date.getUTCMonth() + 1);
      case 9:
        return this.encode(date.getUTCFullYear() % 100);
      default:
        return this.encode(Math.floor(date.getUTCFullYear() / 100));
    }
  }

  private writeClock(index: number, value: number): void {
    const date = new Date(this.now() * 1000);
    const year = date.getUTCFullYear();
    switch (index) {
      case 0:
        date.setUTCSeconds(this.decode(value));
        break;
      case 2:
        date.setUTCMinutes(this.decode(value));
        break;
      case 4:
        date.setUTCHours(this.decodeHours(value));
        break;
      case 7:
        date.setUTCDate(this.decode(value));
        break;
      case 8:
        date.setUTCMonth(this.decode(value) - 1);
        break;
      case 9:
        date.setUTCFullYear(year - (year % 100) + this.decode(value));
        break;
      case CENTURY:
        date.setUTCFullYear(this.decode(value) * 100 + (year % 100));
        break;
      default:
      // The day of the week follows from the date.
    }
    const seconds = Math.floor(date.getTime() / 1000);
    if (this.state.frozen !== null) this.state.frozen = seconds;
    else this.state.epoch += seconds - this.now();
  }

  private writeA(value: number): void {
    this.state.cmos[REGISTER_A] = value & 0x7f;
    this.armPeriodic();
  }

  private writeB(value: number): void {
    if (value & B_SET && this.state.frozen === null) {
      this.state.frozen = this.now();
    } else if (!(value & B_SET) && this.state.frozen !== null) {
      this.state.epoch = this.state.frozen - Math.floor(this.events.now() / SECOND);
      this.state.frozen = null;
    }
    this.state.cmos[REGISTER_B] = value;
    this.armPeriodic();
    this.armSecond();
    this.updateInterrupt();
  }

  /** Ticks of the 32,768-Hz oscillator between two periodic interrupts; 0 if they are off. */
  private period(): number {
    const rate = this.state.cmos[REGISTER_A]! & 15;
    if (rate === 0 || (this.state.cmos[REGISTER_A]! & 0x70) !== 0x20) return 0;
    return 1 << ((rate <= 2 ? rate + 7 : rate) - 1);
  }

  private armPeriodic(): void {
    const period = this.period();
    if (period === 0 || !(this.state.cmos[REGISTER_B]! & B_PERIODIC)) return this.periodic.cancel();
    const tick = ticksAt(this.events.now(), OSCILLATOR_HZ);
    this.periodic.arm(timeOfTick((Math.floor(tick / period) + 1) * period, OSCILLATOR_HZ));
  }

  private armSecond(): void {
    if (this.state.cmos[REGISTER_B]! & (B_ALARM | B_UPDATE) && this.state.frozen === null) {
      this.second.arm((Math.floor(this.events.now() / SECOND) + 1) * SECOND);
    } else {
      this.second.cancel();
    }
  }

  private periodicTick(deadline: number): void {
    this.flag(B_PERIODIC);
    const period = this.period();
    if (period !== 0 && this.state.cmos[REGISTER_B]! & B_PERIODIC) {
      this.periodic.arm(timeOfTick(ticksAt(deadline, OSCILLATOR_HZ) + period, OSCILLATOR_HZ));
    }
  }

  private secondPassed(deadline: number): void {
    this.flag(B_UPDATE | (this.alarmMatches() ? B_ALARM : 0));
    if (this.state.cmos[REGISTER_B]! & (B_ALARM | B_UPDATE)) this.second.arm(deadline + SECOND);
  }

  /** An alarm byte with both top bits set matches every value. */
  private alarmMatches(): boolean {
    return [0, 2, 4].every((index) => {
      const alarm = this.state.cmos[index + 1]!;
      return (alarm & 0xc0) === 0xc0 || alarm === this.readClock(index);
    });
  }

  private flag(bits: number): void {
    this.state.cmos[REGISTER_C]! |= bits;
    this.updateInterrupt();
  }

  private updateInterrupt(): void {
    const cmos = this.state.cmos;
    const active = cmos[REGISTER_C]! & cmos[REGISTER_B]! & 0x70;
    if (active !== 0) cmos[REGISTER_C]! |= 0x80;
    else cmos[REGISTER_C]! &= 0x7f;
    this.interrupt.set(active !== 0);
  }
}
