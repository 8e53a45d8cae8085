// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { EventQueue } from './event_queue.js';
import type { Timer } from './timer.js';
import { ticksAt, timeOfTick } from './frequency.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';

/** The clock of the PC's interval timer. */
export const PIT_HZ = 1193182;

const COUNTER_PORT = 0x40;
const CHANNELS = [0, 1, 2] as const;
const COMMAND_PORT = 0x43;
/** Bits of other devices are in it too. */
const CONTROL_PORT = 0x61;

interface Channel {
  mode: number;
  bcd: boolean;
  /** 1 low byte, 2 high byte, 3 low then high. */
  access: number;
  /** The count that the counting element began with, 1 … 65536. */
  count: number;
  /** The count that was written last. */
  written: number;
  /** The tick at which counting began; `notStarted` while it has not. */
  start: number;
  /** The tick at which a periodic channel that counts was given its next count. */
  changedAt: number | null;
  gate: boolean;
  /** The tick at which a low gate stopped counting. */
  heldAt: number | null;
  writeLow: number | null;
  readHighNext: boolean;
  latched: number | null;
  latchedStatus: number | null;
  /** The counting element has not yet begun with the count that was written last. */
  nullCount: boolean;
}

/** Before the beginning of each period, half of which may lie before tick 0. */
const notStarted = -0x10000;
const isStarted = ({ start }: Channel): boolean => start > notStarted;

function newChannel(gate: boolean): Channel {
  return {
    mode: 3,
    bcd: false,
    access: 3,
    count: 0x10000,
    written: 0x10000,
    start: notStarted,
    changedAt: null,
    gate,
    heldAt: null,
    writeLow: null,
    readHighNext: false,
    latched: null,
    latchedStatus: null,
    nullCount: true,
  };
}

interface PitState {
  channels: [Channel, Channel, Channel];
  speaker: boolean;
  refresh: number;
}

/** The modes that a rising gate starts: one-shot and hardware-triggered strobe. */
const isTriggered = ({ mode }: Channel): boolean => mode === 1 || mode === 5;
/** The modes that count repeatedly. A rising gate restarts the count. */
const isPeriodic = ({ mode }: Channel): boolean => mode === 2 || mode === 3;
/** Ticks counted until `tick`. */
const elapsed = (channel: Channel, tick: number): number => (channel.heldAt ?? tick) - channel.start;

/** OUT is high in the first half of a period in mode 3, the longer one of an odd count. */
const firstHalf = (count: number): number => Math.ceil(count / 2);

/**
 * Loads a new count if the period in which it was written, in mode 3 the half-period, ended by `tick`. Intel 8254 data sheet, "Mode 2: Rate
 * Generator", "Mode 3: Square Wave Mode".
 */
function settle(channel: Channel, tick: number): void {
  const { changedAt, count, written } = channel;
  if (changedAt === null) return;
  const within = (changedAt - channel.start) % count;
  const isFirstHalf = channel.mode === 3 && within < firstHalf(count);
  const end = changedAt - within + (isFirstHalf ? firstHalf(count) : count);
  if (tick < end) return;
  channel.start = isFirstHalf ? end - firstHalf(written) : end;
  channel.count = written;
  channel.changedAt = null;
  channel.nullCount = false;
}

const toBcd = (n: number): number =>
  (n % 10) | ((Math.floor(n / 10) % 10) << 4) | ((Math.floor(n / 100) % 10) << 8) | ((Math.floor(n / 1000) % 10) << 12);
const fromBcd = (n: number): number =>
  (n & 15) + ((n >> 4) & 15) * 10 + ((n >> 8) & 15) * 100 + ((n >> 12) & 15) * 1000;

/** The Intel 8254 interval timer at ports 40h–43h and the system control port 61h, which gates channel 2. Intel 8254 data sheet. */
export class Pit extends StatefulDevice<PitState> {
  readonly name = 'pit';
  private readonly timer: Timer;

  constructor(
    bus: IoBus,
    private readonly events: EventQueue,
    private readonly interrupt: InterruptLine,
  ) {
    super();
    this.timer = events.timer('pit.channel0', (deadline) => this.outputChanged(deadline));
    claimRegisters(bus, this.registers());
  }

  protected initialState(): PitState {
    return { channels: [newChannel(true), newChannel(true), newChannel(false)], speaker: false, refresh: 0 };
  }

  private registers(): PortRegister[] {
    return [
      ...CHANNELS.map((channel) => ({
        port: COUNTER_PORT + channel,
        read: () => this.readCounter(this.state.channels[channel]),
        write: (value: number) => this.writeCounter(channel, value),
      })),
      { port: COMMAND_PORT, write: (value) => this.writeCommand(value) },
      { port: CONTROL_PORT, read: () => this.readControl(), write: (value) => this.writeControl(value) },
    ];
  }

  private tick(): number {
    return ticksAt(this.events.now(), PIT_HZ);
  }

  private readControl(): number {
    const channel = this.state.channels[2];
    this.state.refresh ^= 0x10;
    const out = this.output(channel, this.tick()) ? 0x20 : 0;
    return (channel.gate ? 1 : 0) | (this.state.speaker ? 2 : 0) | this.state.refresh | out;
  }

  private writeControl(value: number): void {
    this.state.speaker = (value & 2) !== 0;
    const channel = this.state.channels[2];
    const gate = (value & 1) !== 0;
    if (gate === channel.gate) return;
    channel.gate = gate;
    if (isTriggered(channel)) {
      if (gate && !channel.nullCount) this.begin(channel);
    } else if (isStarted(channel)) this.gateCount(channel);
  }

  /** Modes 0 and 4 stop while the gate is low, then go on. Modes 2 and 3 start again from the full count. Intel 8254 data sheet, "Gate Pin Operations Summary". */
  private gateCount(channel: Channel): void {
    const tick = this.tick();
    if (!channel.gate) channel.heldAt = tick;
    else if (isPeriodic(channel)) this.begin(channel);
    else {
      channel.start += tick - (channel.heldAt ?? tick);
      channel.heldAt = null;
    }
  }

  /** Loads the count that was written last, and counts unless the gate is low. */
  private begin(channel: Channel): void {
    channel.count = channel.written;
    channel.changedAt = null;
    channel.nullCount = false;
    channel.start = this.tick();
    channel.heldAt = channel.gate ? null : channel.start;
  }

  /** A periodic channel that counts takes a new count at the end of its period. One that the gate holds takes it when the gate rises. */
  private changeCount(channel: Channel): void {
    channel.changedAt = channel.heldAt === null ? this.tick() : null;
    channel.nullCount = true;
  }

  private writeCommand(value: number): void {
    const select = value >> 6;
    if (select === 3) return this.readBack(value);
    const channel = this.state.channels[select as 0 | 1 | 2];
    const access = (value >> 4) & 3;
    if (access === 0) {
      channel.latched ??= this.counter(channel, this.tick());
      return;
    }
    const mode = (value >> 1) & 7;
    channel.mode = mode > 5 ? mode & 3 : mode;
    channel.bcd = (value & 1) !== 0;
    channel.access = access;
    channel.start = notStarted;
    channel.changedAt = null;
    channel.heldAt = null;
    channel.writeLow = null;
    channel.readHighNext = false;
    channel.latched = null;
    channel.latchedStatus = null;
    channel.nullCount = true;
    if (select === 0) this.updateInterrupt();
  }

  private readBack(value: number): void {
    const tick = this.tick();
    this.state.channels.forEach((channel, index) => {
      if (!(value & (2 << index))) return;
      if (!(value & 0x20)) channel.latched ??= this.counter(channel, tick);
      if (!(value & 0x10)) channel.latchedStatus ??= this.status(channel, tick);
    });
  }

  private status(channel: Channel, tick: number): number {
    const flags = (this.output(channel, tick) ? 0x80 : 0) | (channel.nullCount ? 0x40 : 0);
    return flags | (channel.access << 4) | (channel.mode << 1) | (channel.bcd ? 1 : 0);
  }

  private writeCounter(index: number, value: number): void {
    const channel = this.state.channels[index]!;
    if (channel.access === 3 && channel.writeLow === null) {
      channel.writeLow = value;
      return;
    }
    let raw = channel.access === 2 ? value << 8 : value;
    if (channel.access === 3) raw = (value << 8) | channel.writeLow!;
    channel.writeLow = null;
    const count = channel.bcd ? fromBcd(raw) : raw;
    if (isStarted(channel)) settle(channel, this.tick());
    channel.written = count === 0 ? (channel.bcd ? 10000 : 0x10000) : count;
    if (isTriggered(channel)) channel.nullCount = false;
    else if (isPeriodic(channel) && isStarted(channel)) this.changeCount(channel);
    else this.begin(channel);
    if (index === 0) this.updateInterrupt();
  }

  private readCounter(channel: Channel): number {
    if (channel.latchedStatus !== null) {
      const status = channel.latchedStatus;
      channel.latchedStatus = null;
      return status;
    }
    const value = channel.latched ?? this.counter(channel, this.tick());
    if (channel.access === 1) {
      channel.latched = null;
      return value & 0xff;
    }
    const high = channel.access === 2 || channel.readHighNext;
    if (channel.access === 3) channel.readHighNext = !channel.readHighNext;
    if (high) channel.latched = null;
    // Both bytes must be of the same moment: a carry between two reads would give a wrong value.
    else channel.latched = value;
    return high ? (value >> 8) & 0xff : value & 0xff;
  }

  /** The counting element, as 16 bits. */
  private counter(channel: Channel, tick: number): number {
    if (!isStarted(channel)) return 0;
    settle(channel, tick);
    const passed = elapsed(channel, tick);
    let value: number;
    if (channel.mode === 2) value = channel.count - (passed % channel.count);
    else if (channel.mode === 3) value = channel.count - ((2 * passed) % channel.count);
    else value = (((channel.count - passed) % 0x10000) + 0x10000) % 0x10000;
    return channel.bcd ? toBcd(value % 10000) : value & 0xffff;
  }

  /** The level of a channel's OUT pin. */
  private output(channel: Channel, tick: number): boolean {
    if (!isStarted(channel)) return channel.mode !== 0;
    settle(channel, tick);
    if (isPeriodic(channel) && channel.heldAt !== null) return true;
    const passed = elapsed(channel, tick);
    switch (channel.mode) {
      case 0:
      case 1:
        return passed >= channel.count;
      case 2:
        return passed % channel.count !== channel.count - 1;
      case 3:
        return passed % channel.count < firstHalf(channel.count);
      default:
        return passed !== channel.count;
    }
  }

  /** The first tick after `tick` at which a channel's OUT changes; infinite if it never does. */
  private nextChange(channel: Channel, tick: number): number {
    if (!isStarted(channel)) return Infinity;
    settle(channel, tick);
    const passed = tick - channel.start;
    const period = Math.floor(passed / channel.count) * channel.count;
    switch (channel.mode) {
      case 0:
      case 1:
        return passed < channel.count ? channel.start + channel.count : Infinity;
      case 2: {
        const within = passed - period;
        return channel.start + period + (within < channel.count - 1 ? channel.count - 1 : channel.count);
      }
      case 3: {
        const half = firstHalf(channel.count);
        return channel.start + period + (passed - period < half ? half : channel.count);
      }
      default:
        if (passed < channel.count) return channel.start + channel.count;
        return passed === channel.count ? tick + 1 : Infinity;
    }
  }

  private outputChanged(deadline: number): void {
    this.updateInterrupt(ticksAt(deadline, PIT_HZ));
  }

  private updateInterrupt(tick = this.tick()): void {
    const channel = this.state.channels[0];
    this.interrupt.set(this.output(channel, tick));
    const next = this.nextChange(channel, tick);
    if (next === Infinity) this.timer.cancel();
    else this.timer.arm(timeOfTick(next, PIT_HZ));
  }

  protected override stateChanged(): void {
    // The timer's deadline is restored by the event queue; a reset leaves no count and so no deadline.
    if (!isStarted(this.state.channels[0])) this.timer.cancel();
  }
}
