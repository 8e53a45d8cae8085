// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { EventQueue } from './event_queue.js';
import type { Timer } from './timer.js';
import { ticksAt, timeOfTick } from './frequency.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters } from './port_registers.js';

/** 2020-01-01T00:00:00Z in seconds since 1970: the default start time of every run. */
export const RTC_DEFAULT_START = 1577836800;

const SECOND = 1e9;
const OSCILLATOR_HZ = 32768;
/** The update-in-progress bit is set for this long before each full second (244 µs in the data sheet). */
const UPDATE_NANOSECONDS = 244_000;

const INDEX_PORT = 0x70;
const DATA_PORT = 0x71;

const REGISTER_A = 10;
const REGISTER_B = 11;
const REGISTER_C = 12;
const REGISTER_D = 13;
const CENTURY = 0x32;
/** The latest that a byte of the century and one of the year can name. A program that writes bytes which are no date may not go beyond. */
const LAST_YEAR = 255 * 100 + 255;
const A_UPDATE_IN_PROGRESS = 0x80;
const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE = 0x10;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;

/** A byte of the clock. */
interface ClockRegister {
  readonly read: (date: Date) => number;
  /** Changes the date. Without this function, the byte follows from the others. */
  readonly write?: (date: Date, value: number) => void;
}

/** A byte of CMOS memory that is more than memory. */
interface ControlRegister {
  readonly read?: () => number;
  /** Without this function, the byte is read-only. */
  readonly write?: (value: number) => void;
}

const yearOfCentury = (date: Date): number => date.getUTCFullYear() % 100;
const centuryOf = (date: Date): number => Math.floor(date.getUTCFullYear() / 100);

interface RtcState {
  index: number;
  cmos: number[];
  /** Seconds since 1970 at virtual time 0; moves when a program sets the clock. */
  epoch: number;
  /** The clock's fields while the SET bit freezes them. */
  frozen: number | null;
}

/** The MC146818 real-time clock with 128 bytes of CMOS memory at ports 70h and 71h. MC146818A data sheet. */
export class Rtc extends StatefulDevice<RtcState> {
  readonly name = 'rtc';
  /** By index. MC146818A data sheet, "Time, Calendar, and Alarm Locations". */
  private readonly clock: ReadonlyMap<number, ClockRegister> = new Map<number, ClockRegister>([
    [
      0,
      this.field(
        (date) => date.getUTCSeconds(),
        (date, value) => date.setUTCSeconds(value),
      ),
    ],
    [
      2,
      this.field(
        (date) => date.getUTCMinutes(),
        (date, value) => date.setUTCMinutes(value),
      ),
    ],
    [
      4,
      {
        read: (date) => this.encodeHours(date.getUTCHours()),
        write: (date, value) => void date.setUTCHours(this.decodeHours(value)),
      },
    ],
    // The day of the week follows from the date.
    [6, { read: (date) => this.encode(date.getUTCDay() + 1) }],
    [
      7,
      this.field(
        (date) => date.getUTCDate(),
        (date, value) => date.setUTCDate(value),
      ),
    ],
    [
      8,
      this.field(
        (date) => date.getUTCMonth() + 1,
        (date, value) => date.setUTCMonth(value - 1),
      ),
    ],
    [9, this.field(yearOfCentury, (date, value) => date.setUTCFullYear(100 * centuryOf(date) + value))],
    [CENTURY, this.field(centuryOf, (date, value) => date.setUTCFullYear(100 * value + yearOfCentury(date)))],
  ]);
  /** By index. MC146818A data sheet, "Registers". */
  private readonly control: ReadonlyMap<number, ControlRegister> = new Map<number, ControlRegister>([
    [
      REGISTER_A,
      {
        read: () => this.state.cmos[REGISTER_A]! | (this.updateInProgress() ? A_UPDATE_IN_PROGRESS : 0),
        write: (value) => this.writeA(value),
      },
    ],
    [REGISTER_B, { write: (value) => this.writeB(value) }],
    [REGISTER_C, { read: () => this.readC() }],
    [REGISTER_D, {}],
  ]);
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
    claimRegisters(bus, [
      { port: INDEX_PORT, write: (value) => void (this.state.index = value & 0x7f) },
      { port: DATA_PORT, read: () => this.readData(), write: (value) => this.writeData(value) },
    ]);
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

  private readData(): number {
    const { index, cmos } = this.state;
    const clock = this.clock.get(index);
    if (clock !== undefined) return clock.read(new Date(this.now() * 1000));
    return this.control.get(index)?.read?.() ?? cmos[index]!;
  }

  private writeData(value: number): void {
    const { index, cmos } = this.state;
    const [clock, control] = [this.clock.get(index), this.control.get(index)];
    if (clock !== undefined) this.writeClock(clock, value);
    else if (control !== undefined) control.write?.(value);
    else cmos[index] = value;
  }

  /** A byte of the clock that is a number, in BCD or binary. */
  private field(read: (date: Date) => number, write: (date: Date, value: number) => void): ClockRegister {
    return {
      read: (date) => this.encode(read(date)),
      write: (date, value) => write(date, this.decode(value)),
    };
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

  private writeClock({ write }: ClockRegister, value: number): void {
    const date = new Date(this.now() * 1000);
    write?.(date, value);
    const year = date.getUTCFullYear();
    if (!(year >= 0 && year <= LAST_YEAR)) return;
    const seconds = Math.floor(date.getTime() / 1000);
    if (this.state.frozen !== null) this.state.frozen = seconds;
    else this.state.epoch += seconds - this.now();
  }

  private readC(): number {
    const flags = this.state.cmos[REGISTER_C]!;
    this.state.cmos[REGISTER_C] = 0;
    this.updateInterrupt();
    return flags;
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
    const date = new Date(this.now() * 1000);
    return [0, 2, 4].every((index) => {
      const alarm = this.state.cmos[index + 1]!;
      return (alarm & 0xc0) === 0xc0 || alarm === this.clock.get(index)!.read(date);
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
