// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from '../device.js';
import type { AccessSize } from '../device.js';
import type { EventQueue } from '../event_queue.js';
import {
  HPET_BASE,
  HPET_BYTES,
  HPET_CAPABILITIES,
  HPET_PERIOD,
  HPET_ROUTES,
  HPET_TICK_NANOSECONDS,
  HPET_TIMERS,
  HpetConfiguration,
  HpetRegister,
  HpetTimer,
  ROUTE_SHIFT,
  TIMER_WRITABLE,
} from './hpet_registers.js';
import type { InterruptLine, InterruptLines } from '../interrupts/interrupt_lines.js';
import type { IoBus, MmioHandler } from '../io_bus.js';
import type { Timer } from '../timer.js';
import { WideText } from './wide_text.js';

/** The ISA interrupts that the first two timers can take over. */
const LEGACY_INTERRUPTS = [0, 8] as const;
const halfMask = 0xffff_ffffn;
const wideMask = 0xffff_ffff_ffff_ffffn;

/** 64-bit values are text, because a state is plain data. */
interface HpetTimerState {
  configuration: number;
  comparator: string;
  period: string;
  /** The low half of the comparator was written with `ValueSet`: the high half, if it is next, goes the same way. */
  highFollows: boolean;
}

interface HpetState {
  configuration: number;
  /** Level-triggered timers that request an interrupt, a bit each. */
  status: number;
  /** The main counter at `since` nanoseconds. */
  counter: string;
  since: number;
  timers: HpetTimerState[];
  /** What the PIT and the RTC drive their interrupts to. */
  legacy: [boolean, boolean];
}

/** A register of 64 bits. */
interface HpetRegisterHandler {
  read(): bigint;
  /** @param half the half that was written: 0 for bits 31:0 */
  write?(value: bigint, half: 0 | 1): void;
}

/**
 * The high precision event timers: a counter of 64 bits, and three comparators with one-shot and periodic interrupts. IA-PC HPET
 * Specification 1.0a.
 */
export class Hpet extends StatefulDevice<HpetState> implements MmioHandler {
  readonly name = 'hpet';
  private readonly timers: readonly Timer[];
  private readonly registers: ReadonlyMap<number, HpetRegisterHandler>;
  private readonly counterText = new WideText();
  private readonly comparatorTexts = Array.from({ length: HPET_TIMERS }, () => new WideText());
  private readonly periodTexts = Array.from({ length: HPET_TIMERS }, () => new WideText());

  constructor(
    bus: IoBus,
    private readonly events: EventQueue,
    private readonly lines: Pick<InterruptLines, 'line'>,
  ) {
    super();
    this.timers = Array.from({ length: HPET_TIMERS }, (_, n) => events.timer(`hpet.${n}`, () => this.matched(n)));
    this.registers = new Map(this.registerTable());
    bus.claimMemory(HPET_BASE, HPET_BYTES, this);
  }

  protected initialState(): HpetState {
    const timer = { configuration: 0, comparator: String(wideMask), period: '0', highFollows: false };
    return {
      configuration: 0,
      status: 0,
      counter: '0',
      since: 0,
      timers: Array.from({ length: HPET_TIMERS }, () => ({ ...timer })),
      legacy: [false, false],
    };
  }

  /** The wire of the PIT (0) or the RTC (1). It reaches the interrupt controllers unless the HPET replaces it. */
  legacyLine(which: 0 | 1): InterruptLine {
    const wire = this.lines.line(LEGACY_INTERRUPTS[which]);
    return {
      set: (level) => {
        this.state.legacy[which] = level;
        if (!this.replacesLegacy) wire.set(level);
      },
    };
  }

  private registerTable(): [number, HpetRegisterHandler][] {
    return [
      [HpetRegister.Capabilities, { read: () => (BigInt(HPET_PERIOD) << 32n) | BigInt(HPET_CAPABILITIES) }],
      [
        HpetRegister.Configuration,
        { read: () => BigInt(this.state.configuration), write: (value) => this.configure(Number(value & 3n)) },
      ],
      [
        HpetRegister.InterruptStatus,
        { read: () => BigInt(this.state.status), write: (value) => this.clearStatus(Number(value & halfMask)) },
      ],
      [HpetRegister.MainCounter, { read: () => this.counter, write: (value) => this.setCounter(value) }],
      ...this.timers.flatMap((_timer, n) => this.timerRegisters(n)),
    ];
  }

  private timerRegisters(n: number): [number, HpetRegisterHandler][] {
    const at = n * HpetRegister.TimerBytes;
    return [
      [
        HpetRegister.TimerConfiguration + at,
        {
          read: () => (BigInt(HPET_ROUTES) << 32n) | BigInt(this.configurationOf(n)),
          write: (value) => this.configureTimer(n, Number(value & halfMask)),
        },
      ],
      [
        HpetRegister.TimerComparator + at,
        {
          read: () => this.comparator(n),
          write: (value, half) => this.writeComparator(n, value, half),
        },
      ],
    ];
  }

  readMmio(offset: number, size: AccessSize): number {
    const value = this.registers.get(offset & ~7)?.read() ?? 0n;
    return Number(BigInt.asUintN(8 * size, value >> BigInt(8 * (offset & 7))));
  }

  /** Software must access whole halves of a register; the result of other writes is undefined. */
  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || offset % 4 !== 0) return;
    const register = this.registers.get(offset & ~7);
    if (register?.write === undefined) return;
    const half = (offset & 4) === 0 ? 0 : 1;
    const shift = BigInt(32 * half);
    const kept = register.read() & ~(halfMask << shift);
    register.write(kept | (BigInt(value) << shift), half);
  }

  private get isEnabled(): boolean {
    return (this.state.configuration & HpetConfiguration.Enable) !== 0;
  }

  private get replacesLegacy(): boolean {
    return (this.state.configuration & HpetConfiguration.LegacyReplacement) !== 0;
  }

  private get counter(): bigint {
    const { counter, since } = this.state;
    if (!this.isEnabled) return this.counterText.parse(counter);
    const ticks = Math.floor((this.events.now() - since) / HPET_TICK_NANOSECONDS);
    return BigInt.asUintN(64, this.counterText.parse(counter) + BigInt(ticks));
  }

  private setCounter(value: bigint): void {
    this.state.counter = this.counterText.format(value);
    this.state.since = this.events.now();
    this.armAll();
  }

  private configure(value: number): void {
    const { state } = this;
    const changed = state.configuration ^ value;
    if (changed === 0) return;
    if ((changed & HpetConfiguration.Enable) !== 0) {
      state.counter = this.counterText.format(this.counter);
      state.since = this.events.now();
    }
    for (let n = 0; n < HPET_TIMERS; n++) this.drive(n, false);
    state.configuration = value;
    if ((changed & HpetConfiguration.LegacyReplacement) !== 0)
      LEGACY_INTERRUPTS.forEach((irq, which) =>
        this.lines.line(irq).set(!this.replacesLegacy && state.legacy[which as 0 | 1]),
      );
    for (let n = 0; n < HPET_TIMERS; n++) this.driveLevel(n);
    this.armAll();
  }

  private clearStatus(bits: number): void {
    this.state.status &= ~bits;
    for (let n = 0; n < HPET_TIMERS; n++) if ((bits & (1 << n)) !== 0) this.driveLevel(n);
  }

  private configurationOf(n: number): number {
    return this.state.timers[n]!.configuration | HpetTimer.PeriodicCapable | HpetTimer.Is64Bit;
  }

  /** A route that is not possible reads back as the one before, which tells software. */
  private configureTimer(n: number, value: number): void {
    const timer = this.state.timers[n]!;
    const route = (value & HpetTimer.Route) >> ROUTE_SHIFT;
    const isPossible = (HPET_ROUTES & (1 << route)) !== 0;
    this.drive(n, false);
    const kept = isPossible ? 0 : HpetTimer.Route;
    timer.configuration = (value & TIMER_WRITABLE & ~kept) | (timer.configuration & kept);
    timer.highFollows = false;
    if ((timer.configuration & HpetTimer.Level) === 0) this.state.status &= ~(1 << n);
    if ((timer.configuration & HpetTimer.Force32Bit) !== 0) this.setComparator(n, this.comparator(n) & halfMask);
    this.driveLevel(n);
    this.arm(n);
  }

  /** In periodic mode a write sets the period; with `ValueSet` it sets the next match too. */
  private writeComparator(n: number, value: bigint, half: 0 | 1): void {
    const timer = this.state.timers[n]!;
    const setsMatch =
      (timer.configuration & HpetTimer.Periodic) === 0 ||
      (timer.configuration & HpetTimer.ValueSet) !== 0 ||
      (half === 1 && timer.highFollows);
    timer.highFollows = half === 0 && (timer.configuration & HpetTimer.ValueSet) !== 0;
    timer.configuration &= ~HpetTimer.ValueSet;
    const shift = BigInt(32 * half);
    const written = value & (halfMask << shift);
    timer.period = this.periodTexts[n]!.format((this.period(n) & ~(halfMask << shift)) | written);
    if (setsMatch) this.setComparator(n, value & this.mask(timer));
    this.arm(n);
  }

  private comparator(n: number): bigint {
    return this.comparatorTexts[n]!.parse(this.state.timers[n]!.comparator);
  }

  private setComparator(n: number, value: bigint): void {
    this.state.timers[n]!.comparator = this.comparatorTexts[n]!.format(value);
  }

  private period(n: number): bigint {
    return this.periodTexts[n]!.parse(this.state.timers[n]!.period);
  }

  private mask({ configuration }: HpetTimerState): bigint {
    return (configuration & HpetTimer.Force32Bit) !== 0 ? halfMask : wideMask;
  }

  private armAll(): void {
    for (let n = 0; n < HPET_TIMERS; n++) this.arm(n);
  }

  /** Arms the alarm of the next match. @param least ticks until then */
  private arm(n: number, least = 0n): void {
    const timer = this.state.timers[n]!;
    if (!this.isEnabled) return this.timers[n]!.cancel();
    const mask = this.mask(timer);
    const { counter } = this;
    const distance = (this.comparator(n) - counter) & mask;
    const ticks = distance < least ? distance + mask + 1n : distance;
    const counted = (counter - this.counterText.parse(this.state.counter)) & wideMask;
    const deadline = this.state.since + Number(counted + ticks) * HPET_TICK_NANOSECONDS;
    // Virtual time has no such moment: the match is decades away.
    if (deadline > Number.MAX_SAFE_INTEGER) this.timers[n]!.cancel();
    else this.timers[n]!.arm(deadline);
  }

  /** The main counter has reached the comparator. */
  private matched(n: number): void {
    const timer = this.state.timers[n]!;
    this.request(n);
    const period = this.period(n) & this.mask(timer);
    if ((timer.configuration & HpetTimer.Periodic) !== 0 && period > 0n) this.advance(n, period);
    this.arm(n, 1n);
  }

  /** The next match is the first one that is still to come. Those that were missed are lost, as on a PC. */
  private advance(n: number, period: bigint): void {
    const mask = this.mask(this.state.timers[n]!);
    const match = this.comparator(n);
    const late = (this.counter - match) & mask;
    this.setComparator(n, (match + period * (late / period + 1n)) & mask);
  }

  private request(n: number): void {
    const { configuration } = this.state.timers[n]!;
    if ((configuration & HpetTimer.InterruptEnable) === 0) return;
    if ((configuration & HpetTimer.Level) !== 0) {
      this.state.status |= 1 << n;
      this.driveLevel(n);
      return;
    }
    // The wire stays high, so that the PIC still finds the request when the processor acknowledges it.
    this.drive(n, false);
    this.drive(n, true);
  }

  private driveLevel(n: number): void {
    const { configuration } = this.state.timers[n]!;
    if ((configuration & HpetTimer.Level) === 0) return;
    const isActive = this.isEnabled && (configuration & HpetTimer.InterruptEnable) !== 0;
    this.drive(n, isActive && (this.state.status & (1 << n)) !== 0);
  }

  private drive(n: number, level: boolean): void {
    const legacy = this.replacesLegacy ? LEGACY_INTERRUPTS[n] : undefined;
    const route = legacy ?? (this.state.timers[n]!.configuration & HpetTimer.Route) >> ROUTE_SHIFT;
    if (legacy !== undefined || (HPET_ROUTES & (1 << route)) !== 0) this.lines.line(route).set(level);
  }

  protected override stateChanged(): void {
    if (!this.isEnabled) for (const timer of this.timers) timer.cancel();
  }
}
