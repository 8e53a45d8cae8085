// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { EventQueue, Timer } from './event_queue.js';
import { DeliveryMode, Shorthand } from './interrupt_messages.js';
import type { InterruptMessage, InterruptMessages, MessageReceiver } from './interrupt_messages.js';
import type { MmioHandler } from './io_bus.js';

/** The wires from a local APIC into its processor. */
export interface ProcessorSignals {
  /** A maskable interrupt waits for an acknowledge cycle, or no longer does. */
  interruptPending(pending: boolean): void;
  nmi(): void;
  init(): void;
  /** @param vector the page number at which the processor starts. */
  startUp(vector: number): void;
}

/** Where the local APIC stands after reset. */
export const LOCAL_APIC_BASE = 0xfee00000;
const APIC_BASE_ENABLE = 0x800;
const APIC_BASE_BOOTSTRAP = 0x100;

const VERSION = 0x00050014;
const LVT_MASKED = 0x10000;
const LVT_LEVEL = 0x8000;
const LVT_REMOTE_IRR = 0x4000;
const SVR_ENABLED = 0x100;
const SVR_SUPPRESS_EOI_BROADCAST = 0x1000;
const ESR_SEND_ILLEGAL = 0x20;
const ESR_RECEIVE_ILLEGAL = 0x40;
const ESR_ILLEGAL_REGISTER = 0x80;

/** Local vector table entries in the order of their registers from 320h. */
enum Lvt {
  Timer = 0,
  Thermal = 1,
  Performance = 2,
  Lint0 = 3,
  Lint1 = 4,
  Error = 5,
}

/** Bits of each LVT entry that a program can write. */
const LVT_WRITABLE = [(0x710ff & ~0x700) | 0x60000, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff];

enum TimerMode {
  OneShot = 0,
  Periodic = 1,
  TscDeadline = 2,
}

interface LocalApicState {
  /** IA32_APIC_BASE, low 32 bits. */
  base: number;
  id: number;
  tpr: number;
  ldr: number;
  dfr: number;
  svr: number;
  /** Error status: what a read shows, and what the next write to it will show. */
  esr: number;
  errors: number;
  isr: number[];
  tmr: number[];
  irr: number[];
  icrLow: number;
  icrHigh: number;
  lvt: number[];
  initialCount: number;
  divide: number;
  /** Virtual time at which the current count began. */
  timerStart: number;
  tscDeadline: number;
  /** Level of the PIC's output at LINT0. */
  lint0: boolean;
  /** An ExtINT message from the IOAPIC waits. */
  extInt: boolean;
}

/** Options of a local APIC. */
export interface LocalApicOptions {
  /** Processor number, which is the initial APIC id; 0 is the bootstrap processor. */
  readonly id: number;
  /** Nanoseconds of virtual time in one tick of the undivided timer clock. */
  readonly tickNanoseconds: number;
  /** The time-stamp counter minus virtual time, for the TSC-deadline mode. */
  readonly tscOffset?: () => number;
}

/** One processor's local APIC in xAPIC mode. SDM 3A "Advanced Programmable Interrupt Controller (APIC)". */
export class LocalApic extends StatefulDevice<LocalApicState> implements MmioHandler, MessageReceiver {
  readonly name: string;
  private readonly timer: Timer;

  /**
   * @param signals the processor.
   * @param acknowledgePic the PIC's half of an acknowledge cycle.
   */
  constructor(
    private readonly options: LocalApicOptions,
    private readonly events: EventQueue,
    private readonly messages: InterruptMessages,
    private readonly signals: ProcessorSignals,
    private readonly acknowledgePic: () => number,
  ) {
    super();
    this.state = this.initialState();
    this.name = `local_apic.${options.id}`;
    this.timer = events.timer(`${this.name}.timer`, (deadline) => this.timerExpired(deadline));
    messages.attach(this);
  }

  protected initialState(): LocalApicState {
    const id = this.options?.id ?? 0;
    const lvt = new Array<number>(6).fill(LVT_MASKED);
    // Firmware leaves the bootstrap processor in virtual-wire mode; there is no firmware here, so reset does it.
    if (id === 0) lvt[Lvt.Lint0] = DeliveryMode.ExtInt << 8;
    if (id === 0) lvt[Lvt.Lint1] = DeliveryMode.Nmi << 8;
    return {
      base: (LOCAL_APIC_BASE | APIC_BASE_ENABLE | (id === 0 ? APIC_BASE_BOOTSTRAP : 0)) >>> 0,
      id,
      tpr: 0,
      ldr: 0,
      dfr: 0xffffffff,
      svr: 0xff,
      esr: 0,
      errors: 0,
      isr: new Array<number>(8).fill(0),
      tmr: new Array<number>(8).fill(0),
      irr: new Array<number>(8).fill(0),
      icrLow: 0,
      icrHigh: 0,
      lvt,
      initialCount: 0,
      divide: 0,
      timerStart: 0,
      tscDeadline: 0,
      lint0: false,
      extInt: false,
    };
  }

  protected override stateChanged(): void {
    this.update();
  }

  override reset(): void {
    super.reset();
    this.timer.cancel();
  }

  // IA32_APIC_BASE ----------------------------------------------------------------------------------------------------------------

  get baseMsr(): number {
    return this.state.base;
  }

  /** WRMSR IA32_APIC_BASE, low half. Disabling the APIC forgets its state, as power-on does. */
  set baseMsr(value: number) {
    const wasEnabled = this.isEnabled;
    this.state.base = (value & ~0xff & ~0x400) >>> 0;
    if (wasEnabled && !this.isEnabled) {
      const { base, lint0 } = this.state;
      this.state = { ...this.initialState(), base, lint0 };
      this.timer.cancel();
    }
    this.update();
  }

  /** Physical address of the register page. */
  get baseAddress(): number {
    return (this.state.base & 0xfffff000) >>> 0;
  }

  /** The global enable bit of IA32_APIC_BASE. */
  get isEnabled(): boolean {
    return (this.state.base & APIC_BASE_ENABLE) !== 0;
  }

  private get isSoftwareEnabled(): boolean {
    return this.isEnabled && (this.state.svr & SVR_ENABLED) !== 0;
  }

  // Priorities --------------------------------------------------------------------------------------------------------------------

  /** The task priority, which CR8 shows in bits 7:4. */
  get taskPriority(): number {
    return this.state.tpr;
  }

  set taskPriority(value: number) {
    this.state.tpr = value & 0xff;
    this.update();
  }

  processorPriority(): number {
    const inService = highestVector(this.state.isr);
    const task = this.state.tpr;
    return inService < 0 || task >> 4 >= inService >> 4 ? task : inService & 0xf0;
  }

  // Interrupts in and out ---------------------------------------------------------------------------------------------------------

  /** The PIC's output, wired to LINT0. */
  setLint0(level: boolean): void {
    const rising = level && !this.state.lint0;
    this.state.lint0 = level;
    if (this.isEnabled && rising) this.raiseLint(Lvt.Lint0);
    this.update();
  }

  /** An edge on LINT1, a PC's NMI wire. */
  pulseLint1(): void {
    if (this.isEnabled) this.raiseLint(Lvt.Lint1);
    else this.signals.nmi();
    this.update();
  }

  /** The processor's acknowledge cycle. @returns the vector, or −1 if nothing waits any more. */
  acknowledge(): number {
    const vector = this.deliverable();
    if (vector >= 0) {
      setBit(this.state.irr, vector, false);
      setBit(this.state.isr, vector, true);
      this.update();
      return vector;
    }
    if (!this.extIntWaits()) return -1;
    this.state.extInt = false;
    const external = this.acknowledgePic();
    this.update();
    return external;
  }

  matches(destination: number, logical: boolean): boolean {
    if (!this.isEnabled) return false;
    if (!logical) return destination === 0xff || destination === this.state.id;
    const ldr = this.state.ldr >>> 24;
    if (this.state.dfr >>> 28 === 0xf) return (ldr & destination) !== 0;
    // Cluster model: the high nibble names the cluster, the low one members of it.
    return (destination >> 4 === 15 || destination >> 4 === ldr >> 4) && (destination & ldr & 15) !== 0;
  }

  accept(message: InterruptMessage): void {
    switch (message.mode) {
      case DeliveryMode.Nmi:
        return this.signals.nmi();
      case DeliveryMode.Init:
        return message.asserted ? this.signals.init() : undefined;
      case DeliveryMode.StartUp:
        return this.signals.startUp(message.vector);
      case DeliveryMode.ExtInt:
        this.state.extInt = true;
        return this.update();
      case DeliveryMode.Smi:
        return;
      default:
        this.request(message.vector, message.level);
    }
  }

  private request(vector: number, level: boolean): void {
    if (vector < 16) return this.error(ESR_RECEIVE_ILLEGAL);
    if (!this.isSoftwareEnabled) return;
    setBit(this.state.irr, vector, true);
    setBit(this.state.tmr, vector, level);
    this.update();
  }

  private raiseLint(entry: Lvt.Lint0 | Lvt.Lint1): void {
    const lvt = this.state.lvt[entry]!;
    if (lvt & LVT_MASKED) return;
    const mode = ((lvt >> 8) & 7) as DeliveryMode;
    if (mode === DeliveryMode.ExtInt) return;
    if (mode === DeliveryMode.Fixed && lvt & LVT_LEVEL) this.state.lvt[entry] = lvt | LVT_REMOTE_IRR;
    this.accept({ vector: lvt & 0xff, mode, level: (lvt & LVT_LEVEL) !== 0, asserted: true });
  }

  private raiseLvt(entry: Lvt): void {
    const lvt = this.state.lvt[entry]!;
    if (lvt & LVT_MASKED) return;
    const mode = entry === Lvt.Timer || entry === Lvt.Error ? DeliveryMode.Fixed : (((lvt >> 8) & 7) as DeliveryMode);
    this.accept({ vector: lvt & 0xff, mode, level: false, asserted: true });
  }

  private error(bits: number): void {
    const before = this.state.errors;
    this.state.errors |= bits;
    const lvt = this.state.lvt[Lvt.Error]!;
    // A bad vector in the error entry itself must not report itself for ever.
    if (this.state.errors !== before && (lvt & 0xff) >= 16) this.raiseLvt(Lvt.Error);
  }

  private deliverable(): number {
    if (!this.isEnabled) return -1;
    const vector = highestVector(this.state.irr);
    return vector >= 0 && vector >> 4 > this.processorPriority() >> 4 ? vector : -1;
  }

  private extIntWaits(): boolean {
    if (!this.isEnabled) return this.state.lint0;
    const lvt = this.state.lvt[Lvt.Lint0]!;
    const wired = !(lvt & LVT_MASKED) && ((lvt >> 8) & 7) === DeliveryMode.ExtInt;
    return (wired && this.state.lint0) || this.state.extInt;
  }

  private update(): void {
    this.signals?.interruptPending(this.deliverable() >= 0 || this.extIntWaits());
  }

  // Registers ---------------------------------------------------------------------------------------------------------------------

  readMmio(offset: number): number {
    // Registers are 16 bytes apart; the bytes between them are reserved and read as zero.
    const shift = (offset & 15) * 8;
    return shift >= 32 ? 0 : this.readRegister(offset & 0xff0) >>> shift;
  }

  writeMmio(offset: number, _size: AccessSize, value: number): void {
    if ((offset & 15) === 0) this.writeRegister(offset & 0xff0, value);
  }

  /** @param register offset of a register in the page, a multiple of 16. */
  readRegister(register: number): number {
    const state = this.state;
    if (register >= 0x100 && register < 0x280) return this.vectorSet(register)[(register >> 4) & 7]! >>> 0;
    if (register >= 0x320 && register <= 0x370) return state.lvt[(register - 0x320) >> 4]!;
    switch (register) {
      case 0x20:
        return (state.id << 24) >>> 0;
      case 0x30:
        return VERSION;
      case 0x80:
        return state.tpr;
      case 0x90:
      case 0xa0:
        return this.processorPriority();
      case 0xb0:
      case 0xc0:
        return 0;
      case 0xd0:
        return state.ldr;
      case 0xe0:
        return state.dfr;
      case 0xf0:
        return state.svr;
      case 0x280:
        return state.esr;
      case 0x300:
        return state.icrLow;
      case 0x310:
        return state.icrHigh;
      case 0x380:
        return state.initialCount;
      case 0x390:
        return this.currentCount();
      case 0x3e0:
        return state.divide;
      default:
        this.error(ESR_ILLEGAL_REGISTER);
        return 0;
    }
  }

  writeRegister(register: number, value: number): void {
    const state = this.state;
    if (register >= 0x320 && register <= 0x370) return this.writeLvt((register - 0x320) >> 4, value);
    switch (register) {
      case 0x20:
        state.id = value >>> 24;
        break;
      case 0x80:
        this.taskPriority = value;
        break;
      case 0xb0:
        this.endOfInterrupt();
        break;
      case 0xd0:
        state.ldr = (value & 0xff000000) >>> 0;
        break;
      case 0xe0:
        state.dfr = (value | 0x0fffffff) >>> 0;
        break;
      case 0xf0:
        this.writeSpurious(value);
        break;
      case 0x280:
        state.esr = state.errors;
        state.errors = 0;
        break;
      case 0x300:
        this.writeIcr(value);
        break;
      case 0x310:
        state.icrHigh = (value & 0xff000000) >>> 0;
        break;
      case 0x380:
        this.writeInitialCount(value);
        break;
      case 0x3e0:
        state.divide = value & 0xb;
        this.rearm();
        break;
      case 0x30:
      case 0x90:
      case 0xa0:
      case 0xc0:
      case 0x390:
        break;
      default:
        if (register < 0x100 || register >= 0x280) this.error(ESR_ILLEGAL_REGISTER);
    }
  }

  private vectorSet(register: number): number[] {
    if (register < 0x180) return this.state.isr;
    return register < 0x200 ? this.state.tmr : this.state.irr;
  }

  private endOfInterrupt(): void {
    const vector = highestVector(this.state.isr);
    if (vector < 0) return;
    setBit(this.state.isr, vector, false);
    const level = testBit(this.state.tmr, vector);
    if (level) {
      for (const entry of [Lvt.Lint0, Lvt.Lint1]) {
        if ((this.state.lvt[entry]! & 0xff) === vector) this.state.lvt[entry]! &= ~LVT_REMOTE_IRR;
      }
      if (!(this.state.svr & SVR_SUPPRESS_EOI_BROADCAST)) this.messages.broadcastEndOfInterrupt(vector);
    }
    this.update();
  }

  private writeSpurious(value: number): void {
    this.state.svr = value & 0x3ff;
    // A software-disabled APIC has all of its LVT entries masked, and they stay so after it is enabled again.
    if (!(value & SVR_ENABLED)) for (let i = 0; i < 6; i++) this.state.lvt[i]! |= LVT_MASKED;
    this.update();
  }

  private writeLvt(entry: Lvt, value: number): void {
    const state = this.state;
    const kept = state.lvt[entry]! & LVT_REMOTE_IRR;
    let lvt = (value & LVT_WRITABLE[entry]!) | kept;
    if (!(state.svr & SVR_ENABLED)) lvt |= LVT_MASKED;
    const modeBefore = this.timerMode;
    state.lvt[entry] = lvt;
    if (entry === Lvt.Timer && this.timerMode !== modeBefore) this.timerModeChanged(modeBefore);
    this.update();
  }

  private writeIcr(value: number): void {
    this.state.icrLow = value & 0xccfff;
    const vector = value & 0xff;
    const mode = ((value >> 8) & 7) as DeliveryMode;
    if (vector < 16 && (mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority))
      return this.error(ESR_SEND_ILLEGAL);
    const message = {
      vector,
      mode,
      level: (value & 0x8000) !== 0 && mode === DeliveryMode.Init,
      asserted: mode !== DeliveryMode.Init || (value & 0x4000) !== 0,
    };
    const shorthand = ((value >> 18) & 3) as Shorthand;
    if (shorthand === Shorthand.None) this.messages.send(message, this.state.icrHigh >>> 24, (value & 0x800) !== 0);
    else this.messages.sendShorthand(message, shorthand, this);
  }

  // Timer -------------------------------------------------------------------------------------------------------------------------

  private get timerMode(): TimerMode {
    return ((this.state.lvt[Lvt.Timer]! >> 17) & 3) as TimerMode;
  }

  /** Nanoseconds of one count of the divided timer. */
  private countNanoseconds(): number {
    const code = (this.state.divide & 3) | ((this.state.divide & 8) >> 1);
    const divisor = code === 7 ? 1 : 2 << code;
    return divisor * this.options.tickNanoseconds;
  }

  private writeInitialCount(value: number): void {
    if (this.timerMode === TimerMode.TscDeadline) return;
    this.state.initialCount = value;
    this.state.timerStart = this.events.now();
    this.rearm();
  }

  private rearm(): void {
    const { initialCount, timerStart } = this.state;
    if (this.timerMode === TimerMode.TscDeadline) return;
    if (initialCount === 0) return this.timer.cancel();
    const length = initialCount * this.countNanoseconds();
    const passed = this.events.now() - timerStart;
    if (passed < length) this.timer.arm(timerStart + length);
    else if (this.timerMode === TimerMode.Periodic)
      this.timer.arm(timerStart + (Math.floor(passed / length) + 1) * length);
    else this.timer.cancel();
  }

  private timerModeChanged(before: TimerMode): void {
    if (before === TimerMode.TscDeadline || this.timerMode === TimerMode.TscDeadline) {
      this.timer.cancel();
      this.state.tscDeadline = 0;
      this.state.initialCount = 0;
    } else {
      this.rearm();
    }
  }

  private currentCount(): number {
    const { initialCount, timerStart } = this.state;
    if (initialCount === 0 || this.timerMode === TimerMode.TscDeadline) return 0;
    const passed = Math.floor((this.events.now() - timerStart) / this.countNanoseconds());
    if (this.timerMode === TimerMode.Periodic) return initialCount - (passed % initialCount);
    return passed >= initialCount ? 0 : initialCount - passed;
  }

  private timerExpired(deadline: number): void {
    if (this.timerMode === TimerMode.Periodic && this.state.initialCount !== 0) {
      this.state.timerStart = deadline;
      this.timer.arm(deadline + this.state.initialCount * this.countNanoseconds());
    }
    if (this.timerMode === TimerMode.TscDeadline) this.state.tscDeadline = 0;
    this.raiseLvt(Lvt.Timer);
  }

  /** RDMSR and WRMSR of IA32_TSC_DEADLINE; 0 disarms. */
  get tscDeadline(): number {
    return this.timerMode === TimerMode.TscDeadline ? this.state.tscDeadline : 0;
  }

  set tscDeadline(value: number) {
    if (this.timerMode !== TimerMode.TscDeadline) return;
    this.state.tscDeadline = value;
    this.tscMoved();
  }

  /** The time-stamp counter was written: a deadline in its terms is at another moment now. */
  tscMoved(): void {
    if (this.timerMode !== TimerMode.TscDeadline) return;
    const { tscDeadline } = this.state;
    if (tscDeadline === 0) this.timer.cancel();
    else this.timer.arm(Math.max(tscDeadline - (this.options.tscOffset?.() ?? 0), this.events.now()));
  }
}

function setBit(words: number[], bit: number, value: boolean): void {
  if (value) words[bit >> 5]! |= 1 << (bit & 31);
  else words[bit >> 5]! &= ~(1 << (bit & 31));
}

function testBit(words: readonly number[], bit: number): boolean {
  return (words[bit >> 5]! & (1 << (bit & 31))) !== 0;
}

/** The highest vector in a 256-bit set, −1 if it is empty. */
function highestVector(words: readonly number[]): number {
  for (let i = 7; i >= 0; i--) if (words[i] !== 0) return i * 32 + 31 - Math.clz32(words[i]!);
  return -1;
}
