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
import { addTo, bytesOf, copyWide, difference, setBigInt, toBigInt, wide, type Wide } from './wide.js';

/** The ISA interrupts that the first two timers can take over. */
const LEGACY_INTERRUPTS = [0, 8] as const;
const HALF_ONES = 0xffff_ffff;
const narrowMask = 0xffff_ffffn;
const wideMask = 0xffff_ffff_ffff_ffffn;

interface HpetTimerState {
  configuration: number;
  comparator: Wide;
  period: Wide;
  /** The low half of the comparator was written with `ValueSet`: the high half, if it is next, goes the same way. */
  highFollows: boolean;
}

interface HpetState {
  configuration: number;
  /** Level-triggered timers that request an interrupt, a bit each. */
  status: number;
  /** The main counter at `since` nanoseconds. */
  counter: Wide;
  since: number;
  timers: HpetTimerState[];
  /** What the PIT and the RTC drive their interrupts to. */
  legacy: [boolean, boolean];
}

/** A register of 64 bits. */
interface HpetRegisterHandler {
  /** What is read stays as it is until the next access. */
  read(): Wide;
  /** Software writes a half. */
  write?(value: number, half: Half): void;
}
type Half = 'low' | 'high';

/**
 * The high precision event timers: a counter of 64 bits, and three comparators with one-shot and periodic interrupts. IA-PC HPET
 * Specification 1.0a.
 */
export class Hpet extends StatefulDevice<HpetState> implements MmioHandler {
  readonly name = 'hpet';
  private readonly timers: readonly Timer[];
  private readonly registers: ReadonlyMap<number, HpetRegisterHandler>;
  /** Outside the state: what a register has been read as, and the counter now. */
  readonly #value = wide();
  readonly #counter = wide();

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
    return {
      configuration: 0,
      status: 0,
      counter: wide(),
      since: 0,
      timers: Array.from({ length: HPET_TIMERS }, () => ({
        configuration: 0,
        comparator: wide(HALF_ONES, HALF_ONES),
        period: wide(),
        highFollows: false,
      })),
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
    const capabilities = wide(HPET_CAPABILITIES, HPET_PERIOD);
    return [
      [HpetRegister.Capabilities, { read: () => capabilities }],
      [
        HpetRegister.Configuration,
        {
          read: () => this.value(this.state.configuration),
          write: (value, half) => half === 'low' && this.configure(value & 3),
        },
      ],
      [
        HpetRegister.InterruptStatus,
        {
          read: () => this.value(this.state.status),
          write: (value, half) => half === 'low' && this.clearStatus(value),
        },
      ],
      [HpetRegister.MainCounter, { read: () => this.counter(), write: (value, half) => this.setCounter(value, half) }],
      ...this.timers.flatMap((_timer, n) => this.timerRegisters(n)),
    ];
  }

  private timerRegisters(n: number): [number, HpetRegisterHandler][] {
    const at = n * HpetRegister.TimerBytes;
    return [
      [
        HpetRegister.TimerConfiguration + at,
        {
          read: () => this.value(this.configurationOf(n), HPET_ROUTES),
          write: (value, half) => half === 'low' && this.configureTimer(n, value),
        },
      ],
      [
        HpetRegister.TimerComparator + at,
        {
          read: () => this.state.timers[n]!.comparator,
          write: (value, half) => this.writeComparator(n, value, half),
        },
      ],
    ];
  }

  private value(low: number, high = 0): Wide {
    this.#value.low = low;
    this.#value.high = high;
    return this.#value;
  }

  readMmio(offset: number, size: AccessSize): number {
    const register = this.registers.get(offset & ~7);
    return register === undefined ? 0 : bytesOf(register.read(), offset & 7, size);
  }

  /** Software must access whole halves of a register; the result of other writes is undefined. */
  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || offset % 4 !== 0) return;
    this.registers.get(offset & ~7)?.write?.(value >>> 0, (offset & 4) === 0 ? 'low' : 'high');
  }

  private get isEnabled(): boolean {
    return (this.state.configuration & HpetConfiguration.Enable) !== 0;
  }

  private get replacesLegacy(): boolean {
    return (this.state.configuration & HpetConfiguration.LegacyReplacement) !== 0;
  }

  /** The main counter now. */
  private counter(): Wide {
    copyWide(this.#counter, this.state.counter);
    addTo(this.#counter, this.counted());
    return this.#counter;
  }

  /** Ticks since `since`. */
  private counted(): number {
    return this.isEnabled ? Math.floor((this.events.now() - this.state.since) / HPET_TICK_NANOSECONDS) : 0;
  }

  private setCounter(value: number, half: Half): void {
    const { state } = this;
    copyWide(state.counter, this.counter());
    state.counter[half] = value;
    state.since = this.events.now();
    this.armAll();
  }

  private configure(value: number): void {
    const { state } = this;
    const changed = state.configuration ^ value;
    if (changed === 0) return;
    if ((changed & HpetConfiguration.Enable) !== 0) {
      copyWide(state.counter, this.counter());
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
    if (isNarrow(timer)) timer.comparator.high = 0;
    this.driveLevel(n);
    this.arm(n);
  }

  /** In periodic mode a write sets the period; with `ValueSet` it sets the next match too. */
  private writeComparator(n: number, value: number, half: Half): void {
    const timer = this.state.timers[n]!;
    const setsMatch =
      (timer.configuration & HpetTimer.Periodic) === 0 ||
      (timer.configuration & HpetTimer.ValueSet) !== 0 ||
      (half === 'high' && timer.highFollows);
    timer.highFollows = half === 'low' && (timer.configuration & HpetTimer.ValueSet) !== 0;
    timer.configuration &= ~HpetTimer.ValueSet;
    timer.period[half] = value;
    if (setsMatch) timer.comparator[half] = half === 'high' && isNarrow(timer) ? 0 : value;
    this.arm(n);
  }

  private armAll(): void {
    for (let n = 0; n < HPET_TIMERS; n++) this.arm(n);
  }

  /** Arms the alarm of the next match. @param least ticks until then */
  private arm(n: number, least = 0): void {
    const timer = this.state.timers[n]!;
    if (!this.isEnabled) return this.timers[n]!.cancel();
    const narrow = isNarrow(timer);
    const distance = difference(timer.comparator, this.counter(), narrow);
    const ticks = distance < least ? distance + (narrow ? 2 ** 32 : 2 ** 64) : distance;
    const deadline = this.state.since + (this.counted() + ticks) * HPET_TICK_NANOSECONDS;
    // Virtual time has no such moment: the match is decades away.
    if (deadline > Number.MAX_SAFE_INTEGER) this.timers[n]!.cancel();
    else this.timers[n]!.arm(deadline);
  }

  /** The main counter has reached the comparator. */
  private matched(n: number): void {
    const timer = this.state.timers[n]!;
    this.request(n);
    if ((timer.configuration & HpetTimer.Periodic) !== 0) this.advance(timer);
    this.arm(n, 1);
  }

  /** The next match is the first one that is still to come. Those that were missed are lost, as on a PC. */
  private advance(timer: HpetTimerState): void {
    const mask = isNarrow(timer) ? narrowMask : wideMask;
    const period = toBigInt(timer.period) & mask;
    if (period === 0n) return;
    const match = toBigInt(timer.comparator);
    const late = (toBigInt(this.counter()) - match) & mask;
    setBigInt(timer.comparator, (match + period * (late / period + 1n)) & mask);
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

/** True if the timer compares the low half only. */
function isNarrow({ configuration }: HpetTimerState): boolean {
  return (configuration & HpetTimer.Force32Bit) !== 0;
}
