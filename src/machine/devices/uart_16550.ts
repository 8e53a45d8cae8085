// SPDX-License-Identifier: LGPL-2.1-only
import { LineStatus, SERIAL_DLAB } from '../../intrinsics/registers/serial_registers.js';
import { StatefulDevice } from './device.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters } from './port_registers.js';

interface UartState {
  ier: number;
  lcr: number;
  mcr: number;
  /** Modem status: delta bits 3:0, the lines themselves 7:4. */
  msr: number;
  /** The line-status bits that do not follow from the FIFOs: overrun, parity, framing, break. */
  errors: number;
  scratch: number;
  divisor: number;
  fcr: number;
  /** The transmitter became empty since the last look at IIR or the last write. */
  transmitterEmptied: boolean;
  /** Received bytes that the program has not read, those of the loopback with LOOPED; at most 16 (1 without FIFO). */
  received: number[];
  /** Bytes that wait outside until the program listens and there is room in the receiver, as a terminal's flow control would hold them. */
  waiting: number[];
  /**
   * Reads of the line status, without another access between them, that found no byte; at most `POLLS_OF_A_LISTENER`. A program that has polled so
   * often listens until it sets up the port.
   */
  polls: number;
}

/** One of the eight ports. */
interface UartRegister {
  readonly read: () => number;
  readonly write?: (value: number) => void;
}

/** Offsets: received and sent bytes; line status. */
const DATA = 0;
const LINE_STATUS = 5;

const IER_RECEIVED = 1;
const IER_TRANSMITTER = 2;
const IER_LINE = 4;
const IER_MODEM = 8;
const MCR_RTS = 2;
const MCR_OUT2 = 8;
const MCR_LOOPBACK = 0x10;
const TRANSMITTER_EMPTY = LineStatus.emptyTransmitter | LineStatus.emptyData;
const FIFO_DEPTH = 16;
/** Marks a byte that the port has received from itself. */
const LOOPED = 0x100;
const TRIGGER_LEVELS = [1, 4, 8, 14];
/** A program that reads the line status so often without doing anything else waits for a byte. A wait for the transmitter ends at once. */
const POLLS_OF_A_LISTENER = 16;
/** CTS, DSR and DCD, as with a cable that is connected at the other end. */
const MODEM_CONNECTED = 0xb0;

/**
 * A National Semiconductor 16550A serial port. A byte is on the wire the moment it is written: the transmitter is always empty, and
 * nothing ever waits for a baud rate. PC16550D data sheet.
 */
export class Uart16550 extends StatefulDevice<UartState> {
  /** By offset. PC16550D data sheet, "Registers". */
  private readonly registers: readonly UartRegister[] = [
    { read: () => this.readData(), write: (value) => this.writeData(value) },
    {
      read: () => (this.opensDivisor ? this.state.divisor >> 8 : this.state.ier),
      write: (value) => this.writeSecond(value),
    },
    { read: () => this.readInterruptIdentification(), write: (value) => this.writeFifoControl(value) },
    { read: () => this.state.lcr, write: (value) => void (this.state.lcr = value) },
    { read: () => this.state.mcr, write: (value) => this.writeModemControl(value) },
    // Line and modem status are read-only.
    { read: () => this.readLineStatus() },
    { read: () => this.readModemStatus() },
    { read: () => this.state.scratch, write: (value) => void (this.state.scratch = value) },
  ];

  /**
   * @param base first of its eight ports.
   * @param interrupt its wire, driven only while OUT2 is set, as on a PC.
   * @param transmit takes each byte sent.
   */
  constructor(
    readonly name: string,
    bus: IoBus,
    base: number,
    private readonly interrupt: InterruptLine,
    private readonly transmit: (byte: number) => void,
  ) {
    super();
    claimRegisters(
      bus,
      this.registers.map((register, offset) => ({
        port: base + offset,
        read: () => this.readRegister(register, offset),
        write: (value) => this.writeRegister(register, offset, value),
      })),
    );
  }

  protected initialState(): UartState {
    return {
      ier: 0,
      lcr: 0,
      mcr: 0,
      msr: MODEM_CONNECTED,
      errors: 0,
      scratch: 0,
      divisor: 12,
      fcr: 0,
      transmitterEmptied: false,
      received: [],
      waiting: [],
      polls: 0,
    };
  }

  protected override stateChanged(): void {
    this.updateInterrupt();
  }

  /** How many bytes from the other side wait for room in the receiver. */
  get waitingBytes(): number {
    return this.state.waiting.length;
  }

  /**
   * Bytes from the other end of the cable, which obeys flow control: they wait until the program listens and makes room. A driver empties the receiver
   * before it asserts RTS, so bytes that arrived earlier would be lost.
   */
  receive(bytes: Iterable<number>): void {
    for (const byte of bytes) this.state.waiting.push(byte & 0xff);
    this.refill();
    this.updateInterrupt();
  }

  private readRegister(register: UartRegister, offset: number): number {
    if (offset !== LINE_STATUS) this.accessed(offset);
    return register.read();
  }

  private writeRegister(register: UartRegister, offset: number, value: number): void {
    this.accessed(offset);
    register.write?.(value);
    this.updateInterrupt();
  }

  /**
   * What a program sends or receives begins the count of polls again. It does not end the listening of a program that has polled long enough. Any
   * other access may be the set-up of the port by the next program.
   */
  private accessed(offset: number): void {
    const isListener = this.state.polls >= POLLS_OF_A_LISTENER;
    if (!isListener || offset !== DATA || this.opensDivisor) this.state.polls = 0;
  }

  /** The first two ports are those of the divisor. */
  private get opensDivisor(): boolean {
    return (this.state.lcr & SERIAL_DLAB) !== 0;
  }

  private readData(): number {
    return this.opensDivisor ? this.state.divisor & 0xff : this.readReceived();
  }

  private writeData(value: number): void {
    if (this.opensDivisor) this.state.divisor = (this.state.divisor & 0xff00) | value;
    else this.send(value);
  }

  private writeSecond(value: number): void {
    if (this.opensDivisor) this.state.divisor = (this.state.divisor & 0xff) | (value << 8);
    else this.writeInterruptEnable(value);
  }

  private get fifoEnabled(): boolean {
    return (this.state.fcr & 1) !== 0;
  }

  private send(byte: number): void {
    if (this.state.mcr & MCR_LOOPBACK) this.accept(byte | LOOPED);
    else this.transmit(byte);
    this.state.transmitterEmptied = true;
  }

  private writeInterruptEnable(value: number): void {
    // Enabling the transmitter's interrupt while it is empty raises it: drivers start their output that way.
    if (value & ~this.state.ier & IER_TRANSMITTER) this.state.transmitterEmptied = true;
    this.state.ier = value & 0x0f;
    this.refill();
  }

  private writeFifoControl(value: number): void {
    const state = this.state;
    if ((value ^ state.fcr) & 1 || value & 2) this.clearReceiver();
    state.fcr = value & 0xc9;
    if ((value & 1) === 0) state.fcr = 0;
    this.refill();
  }

  /** Without RTS, the other end has sent nothing yet: Linux enables the receiver's interrupt, clears the FIFO, and then asserts RTS. */
  private clearReceiver(): void {
    const { mcr, received, waiting } = this.state;
    if ((mcr & (MCR_RTS | MCR_LOOPBACK)) === 0) waiting.unshift(...received.filter((byte) => byte < LOOPED));
    this.state.received = [];
  }

  private writeModemControl(value: number): void {
    this.state.mcr = value & 0x1f;
    const lines =
      value & MCR_LOOPBACK ? ((value & 0x0c) << 4) | ((value & 2) << 3) | ((value & 1) << 5) : MODEM_CONNECTED;
    this.setModemLines(lines);
    this.refill();
  }

  private setModemLines(lines: number): void {
    const before = this.state.msr & 0xf0;
    let delta = ((before ^ lines) >> 4) & 0x0b;
    // The ring indicator reports only its trailing edge.
    if (before & ~lines & 0x40) delta |= 4;
    this.state.msr = lines | (this.state.msr & 0x0f) | delta;
  }

  /** A byte arrives in the receiver. */
  private accept(byte: number): void {
    const depth = this.fifoEnabled ? FIFO_DEPTH : 1;
    if (this.state.received.length >= depth) {
      this.state.errors |= LineStatus.overrunError;
      if (!this.fifoEnabled) this.state.received[0] = byte;
    } else {
      this.state.received.push(byte);
    }
  }

  /** Whether the program asks for bytes: by RTS, by the receiver's interrupt if it is connected, or by polling. */
  private get isListening(): boolean {
    const { mcr, ier, polls } = this.state;
    const interrupts = (mcr & MCR_OUT2) !== 0 && (ier & IER_RECEIVED) !== 0;
    return (mcr & MCR_RTS) !== 0 || interrupts || polls >= POLLS_OF_A_LISTENER;
  }

  private refill(): void {
    if (this.state.mcr & MCR_LOOPBACK || !this.isListening) return;
    const depth = this.fifoEnabled ? FIFO_DEPTH : 1;
    while (this.state.waiting.length > 0 && this.state.received.length < depth)
      this.state.received.push(this.state.waiting.shift()!);
  }

  private readReceived(): number {
    const byte = (this.state.received.shift() ?? 0) & 0xff;
    this.refill();
    this.updateInterrupt();
    return byte;
  }

  private poll(): void {
    this.state.polls = Math.min(this.state.polls + 1, POLLS_OF_A_LISTENER);
    this.refill();
  }

  private readLineStatus(): number {
    if (this.state.received.length === 0) this.poll();
    const status = this.state.errors | TRANSMITTER_EMPTY | (this.state.received.length > 0 ? LineStatus.dataReady : 0);
    this.state.errors = 0;
    this.updateInterrupt();
    return status;
  }

  private readModemStatus(): number {
    const status = this.state.msr;
    this.state.msr &= 0xf0;
    this.updateInterrupt();
    return status;
  }

  /** The pending source of the highest priority as IIR bits 3:0; 1 if there is none. */
  private pendingSource(): number {
    const state = this.state;
    if (state.ier & IER_LINE && state.errors !== 0) return 0x6;
    if (state.ier & IER_RECEIVED && state.received.length > 0) {
      // Below the trigger level the character time-out reports the bytes at once, because no time passes on this wire.
      return this.fifoEnabled && state.received.length < TRIGGER_LEVELS[state.fcr >> 6]! ? 0xc : 0x4;
    }
    if (state.ier & IER_TRANSMITTER && state.transmitterEmptied) return 0x2;
    if (state.ier & IER_MODEM && state.msr & 0x0f) return 0x0;
    return 0x1;
  }

  private readInterruptIdentification(): number {
    const source = this.pendingSource();
    if (source === 0x2) {
      this.state.transmitterEmptied = false;
      this.updateInterrupt();
    }
    return source | (this.fifoEnabled ? 0xc0 : 0);
  }

  private updateInterrupt(): void {
    const connected = (this.state.mcr & (MCR_OUT2 | MCR_LOOPBACK)) === MCR_OUT2;
    this.interrupt.set(connected && this.pendingSource() !== 0x1);
  }
}
