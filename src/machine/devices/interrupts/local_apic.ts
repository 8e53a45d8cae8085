// SPDX-License-Identifier: LGPL-2.1-only
import { ApicRegister } from '../../../intrinsics/structures/apic_registers.js';
import { ApicTimer } from './apic_timer.js';
import type { ApicTimerMode, ApicTimerOptions } from './apic_timer.js';
import { StatefulDevice } from '../device.js';
import type { AccessSize } from '../device.js';
import type { EventQueue } from '../event_queue.js';
import { highestVector, setBit, testBit } from './vector_set.js';
import { DeliveryMode, isReservedForCommands, isReservedForDevices, Shorthand } from './interrupt_messages.js';
import type { InterruptMessage, InterruptMessages, MessageReceiver } from './interrupt_messages.js';
import type { MmioHandler } from '../io_bus.js';
import { isDestination, wideDestination } from './interrupt_destination.js';
import { ApicBase } from '../../../intrinsics/registers/msr_definitions.js';
import {
  APIC_BASE_ENABLE,
  initialLocalApicState,
  Lvt,
  lvtAfterWrite,
  LVT_MASKED,
  LVT_REMOTE_IRR,
} from './local_apic_state.js';
import type { ProcessorPins } from '../../processor/processor_pins.js';
import type { LocalApicState } from './local_apic_state.js';

const VERSION = 0x00050014;
const LVT_LEVEL = 0x8000;
const SVR_ENABLED = 0x100;
const SVR_SUPPRESS_EOI_BROADCAST = 0x1000;
/** Vectors below this one are illegal. SDM 3A "Valid Interrupt Vectors". */
const FIRST_VECTOR = 16;
const ESR_SEND_ILLEGAL = 0x20;
const ESR_RECEIVE_ILLEGAL = 0x40;
const ESR_ILLEGAL_REGISTER = 0x80;

/** A register of the page. */
interface ApicRegisterHandler {
  readonly read: () => number;
  /** Without this function, writes have no effect. */
  readonly write?: (value: number) => void;
}

const LVT_ENTRIES = [Lvt.Timer, Lvt.Thermal, Lvt.Performance, Lvt.Lint0, Lvt.Lint1, Lvt.Error] as const;
const VECTOR_WORDS = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** Options of a local APIC. */
export interface LocalApicOptions extends ApicTimerOptions {
  /** Processor number, which is the initial APIC id; 0 is the bootstrap processor. */
  readonly id: number;
}

/** One processor's local APIC, in xAPIC or x2APIC mode. SDM 3A "Advanced Programmable Interrupt Controller (APIC)". */
export class LocalApic extends StatefulDevice<LocalApicState> implements MmioHandler, MessageReceiver {
  readonly name: string;
  readonly timer: ApicTimer;
  /** By offset / 16. */
  private readonly registers: (ApicRegisterHandler | undefined)[] = [];

  /**
   * @param pins the processor.
   * @param acknowledgePic the PIC's half of an acknowledge cycle.
   */
  constructor(
    private readonly options: LocalApicOptions,
    events: EventQueue,
    private readonly messages: InterruptMessages,
    private readonly pins: ProcessorPins,
    private readonly acknowledgePic: () => number,
  ) {
    super();
    this.state = this.initialState();
    this.name = `local_apic.${options.id}`;
    this.timer = new ApicTimer(
      `${this.name}.timer`,
      () => this.state.timer,
      events,
      options,
      () => this.raiseLvt(Lvt.Timer),
    );
    for (const [offset, handler] of this.registerTable()) this.registers[offset >> 4] = handler;
    messages.attach(this);
  }

  protected initialState(): LocalApicState {
    return initialLocalApicState(this.options?.id ?? 0);
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

  /** WRMSR IA32_APIC_BASE, low half. Disabling the APIC forgets its state, as power-on does. In x2APIC mode its number is that of the processor. */
  set baseMsr(value: number) {
    const wasEnabled = this.isEnabled;
    this.state.base = (value & ~0xff) >>> 0;
    if (this.isX2apic) this.state.id = this.options.id;
    if (wasEnabled && !this.isEnabled) this.forget();
    this.update();
  }

  /** INIT: all but its place, its mode and its number is as after a reset. SDM 3A "Local APIC State After It Receives an INIT Reset". */
  init(): void {
    const { id } = this.state;
    this.forget();
    this.state.id = id;
    this.update();
  }

  private forget(): void {
    const { base, lint0 } = this.state;
    this.state = { ...this.initialState(), base, lint0 };
    this.timer.cancel();
  }

  /** Physical address of the register page. */
  get baseAddress(): number {
    return (this.state.base & 0xfffff000) >>> 0;
  }

  /** The global enable bit of IA32_APIC_BASE. */
  get isEnabled(): boolean {
    return (this.state.base & APIC_BASE_ENABLE) !== 0;
  }

  /** Its registers are MSRs, and there is no page of them. */
  get isX2apic(): boolean {
    return this.isEnabled && (this.state.base & ApicBase.EnableX2apicMode) !== 0;
  }

  private get isSoftwareEnabled(): boolean {
    return this.isEnabled && (this.state.svr & SVR_ENABLED) !== 0;
  }

  /** Its number: that of the processor, unless software wrote another in xAPIC mode. */
  get id(): number {
    return this.state.id;
  }

  /** Bits 63:32 of the interrupt command register. */
  get commandHigh(): number {
    return this.state.icrHigh >>> 0;
  }

  set commandHigh(value: number) {
    this.state.icrHigh = value;
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
    else this.pins.nmi();
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
    const { isX2apic } = this;
    const { id, ldr, dfr } = this.state;
    return this.isEnabled && isDestination({ isX2apic, id, ldr, dfr }, destination, logical);
  }

  /** An APIC that IA32_APIC_BASE has disabled takes no message. SDM 3A "Enabling or Disabling the Local APIC". */
  accept(message: InterruptMessage): void {
    if (!this.isEnabled) return;
    switch (message.mode) {
      case DeliveryMode.Nmi:
        return this.pins.nmi();
      case DeliveryMode.Init:
        return message.asserted ? this.pins.init() : undefined;
      case DeliveryMode.StartUp:
        return this.pins.startUp(message.vector);
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
    if (vector < FIRST_VECTOR) return this.error(ESR_RECEIVE_ILLEGAL);
    if (!this.isSoftwareEnabled) return;
    setBit(this.state.irr, vector, true);
    setBit(this.state.tmr, vector, level);
    this.update();
  }

  private raiseLint(entry: Lvt.Lint0 | Lvt.Lint1): void {
    const lvt = this.state.lvt[entry]!;
    if (lvt & LVT_MASKED) return;
    const mode = ((lvt >> 8) & 7) as DeliveryMode;
    if (mode === DeliveryMode.ExtInt || isReservedForDevices(mode)) return;
    if (mode === DeliveryMode.Fixed && lvt & LVT_LEVEL) this.state.lvt[entry] = lvt | LVT_REMOTE_IRR;
    this.accept({ vector: lvt & 0xff, mode, level: (lvt & LVT_LEVEL) !== 0, asserted: true });
  }

  private raiseLvt(entry: Lvt): void {
    const lvt = this.state.lvt[entry]!;
    if (lvt & LVT_MASKED) return;
    const mode = entry === Lvt.Timer || entry === Lvt.Error ? DeliveryMode.Fixed : (((lvt >> 8) & 7) as DeliveryMode);
    if (!isReservedForDevices(mode)) this.accept({ vector: lvt & 0xff, mode, level: false, asserted: true });
  }

  private error(bits: number): void {
    const before = this.state.errors;
    this.state.errors |= bits;
    const lvt = this.state.lvt[Lvt.Error]!;
    // A bad vector in the error entry itself must not report itself again and again.
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
    this.pins?.setInterruptPending(this.deliverable() >= 0 || this.extIntWaits());
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
    const handler = this.registers[register >> 4];
    if (handler !== undefined) return handler.read();
    this.error(ESR_ILLEGAL_REGISTER);
    return 0;
  }

  writeRegister(register: number, value: number): void {
    const handler = this.registers[register >> 4];
    if (handler === undefined) this.error(ESR_ILLEGAL_REGISTER);
    else handler.write?.(value);
  }

  /** SDM 3A "Local APIC Register Address Map". */
  private registerTable(): [number, ApicRegisterHandler][] {
    return [
      [
        ApicRegister.Id,
        { read: () => (this.state.id << 24) >>> 0, write: (value) => void (this.state.id = value >>> 24) },
      ],
      [ApicRegister.Version, { read: () => VERSION }],
      [ApicRegister.TaskPriority, { read: () => this.state.tpr, write: (value) => void (this.taskPriority = value) }],
      [ApicRegister.ArbitrationPriority, { read: () => this.processorPriority() }],
      [ApicRegister.ProcessorPriority, { read: () => this.processorPriority() }],
      [ApicRegister.EndOfInterrupt, { read: () => 0, write: () => this.endOfInterrupt() }],
      [ApicRegister.RemoteRead, { read: () => 0 }],
      [
        ApicRegister.LogicalDestination,
        { read: () => this.state.ldr, write: (value) => void (this.state.ldr = (value & 0xff000000) >>> 0) },
      ],
      [
        ApicRegister.DestinationFormat,
        { read: () => this.state.dfr, write: (value) => void (this.state.dfr = (value | 0x0fffffff) >>> 0) },
      ],
      [
        ApicRegister.SpuriousInterruptVector,
        { read: () => this.state.svr, write: (value) => this.writeSpurious(value) },
      ],
      [ApicRegister.ErrorStatus, { read: () => this.state.esr, write: () => this.latchErrors() }],
      [ApicRegister.InterruptCommandLow, { read: () => this.state.icrLow, write: (value) => this.writeIcr(value) }],
      [
        ApicRegister.InterruptCommandHigh,
        { read: () => this.state.icrHigh, write: (value) => void (this.state.icrHigh = (value & 0xff000000) >>> 0) },
      ],
      [
        ApicRegister.InitialCount,
        { read: () => this.state.timer.initialCount, write: (value) => this.timer.setInitialCount(value) },
      ],
      [ApicRegister.CurrentCount, { read: () => this.timer.currentCount }],
      [
        ApicRegister.DivideConfiguration,
        { read: () => this.state.timer.divide, write: (value) => this.timer.setDivide(value) },
      ],
      ...LVT_ENTRIES.map((entry): [number, ApicRegisterHandler] => [
        ApicRegister.LvtTimer + 16 * entry,
        { read: () => this.state.lvt[entry]!, write: (value) => this.writeLvt(entry, value) },
      ]),
      ...this.vectorRegisters(ApicRegister.InService, () => this.state.isr),
      ...this.vectorRegisters(ApicRegister.TriggerMode, () => this.state.tmr),
      ...this.vectorRegisters(ApicRegister.InterruptRequest, () => this.state.irr),
    ];
  }

  /** The eight registers of 32 vectors each, which are read-only. */
  private vectorRegisters(first: number, words: () => readonly number[]): [number, ApicRegisterHandler][] {
    return VECTOR_WORDS.map((at) => [first + 16 * at, { read: () => words()[at]! >>> 0 }]);
  }

  private latchErrors(): void {
    this.state.esr = this.state.errors;
    this.state.errors = 0;
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
    const { state } = this;
    state.lvt[entry] = lvtAfterWrite(entry, value, state.lvt[entry]!, (state.svr & SVR_ENABLED) !== 0);
    if (entry === Lvt.Timer) this.timer.setMode(((value >> 17) & 3) as ApicTimerMode);
    this.update();
  }

  private writeIcr(value: number): void {
    this.state.icrLow = value & 0xccfff;
    const vector = value & 0xff;
    const mode = ((value >> 8) & 7) as DeliveryMode;
    if (isReservedForCommands(mode)) return;
    if (vector < FIRST_VECTOR && (mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority))
      return this.error(ESR_SEND_ILLEGAL);
    const message = {
      vector,
      mode,
      level: (value & 0x8000) !== 0 && mode === DeliveryMode.Init,
      asserted: mode !== DeliveryMode.Init || (value & 0x4000) !== 0,
    };
    const shorthand = ((value >> 18) & 3) as Shorthand;
    const isLogical = (value & 0x800) !== 0;
    if (shorthand === Shorthand.None) this.messages.send(message, this.commandDestination(isLogical), isLogical);
    else this.messages.sendShorthand(message, shorthand, this);
  }

  /** The self-IPI register of x2APIC mode. */
  sendToSelf(vector: number): void {
    if (vector < FIRST_VECTOR) return this.error(ESR_SEND_ILLEGAL);
    const message = { vector, mode: DeliveryMode.Fixed, level: false, asserted: true };
    this.messages.sendShorthand(message, Shorthand.Self, this);
  }

  private commandDestination(isLogical: boolean): number {
    const { icrHigh } = this.state;
    return this.isX2apic ? icrHigh >>> 0 : wideDestination(icrHigh >>> 24, isLogical);
  }
}
