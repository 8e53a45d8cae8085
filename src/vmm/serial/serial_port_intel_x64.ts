// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import {
  BaudRate,
  FifoControl,
  LineControl,
  LineStatus,
  SERIAL_DLAB,
  SerialRegister,
} from '../../intrinsics/registers/serial_registers.js';
import { PortIo } from '../../intrinsics/instructions/port_io.js';
import { encodeUtf8 } from '../support/text.js';
import { SerialSettings, type SerialPort } from './serial_port.js';

// A port without a device reads all ones, which means "ready". A broken device may never become ready.
const patience = 100_000;
const knownDivisors = new Set<number>(Object.values(BaudRate));

/** A 16550. */
@injectable()
export class SerialPortIntelX64 implements SerialPort {
  @inject(PortIo) protected readonly portIo!: PortIo;
  @inject(SerialSettings) protected readonly settings!: SerialSettings;

  get port(): number {
    return this.settings.port;
  }

  init(): void {
    this.portIo.outb(this.port + SerialRegister.interruptEn, 0);
    this.baudRate = this.settings.baudRate;
    this.dataBits = this.settings.dataBits;
    this.stopBits = this.settings.stopBits;
    this.parityBits = this.settings.parityBits;
    this.portIo.outb(
      this.port + SerialRegister.fifoControl,
      FifoControl.enableFifos | FifoControl.clearReceiveFifo | FifoControl.clearTransmitFifo,
    );
  }

  get baudRate(): number {
    const divisor = this.withDivisorLatch(
      () =>
        this.portIo.inb(this.port + SerialRegister.baudRateLo) |
        (this.portIo.inb(this.port + SerialRegister.baudRateHi) << 8),
    );
    return knownDivisors.has(divisor) ? divisor : BaudRate.baud_rate_115200;
  }

  set baudRate(divisor: number) {
    this.withDivisorLatch(() => {
      this.portIo.outb(this.port + SerialRegister.baudRateLo, divisor & 0xff);
      this.portIo.outb(this.port + SerialRegister.baudRateHi, divisor >> 8);
    });
  }

  get dataBits(): number {
    return this.lineControl() & LineControl.dataMask;
  }

  set dataBits(bits: number) {
    this.changeLineControl(LineControl.dataMask, bits);
  }

  get stopBits(): number {
    return this.lineControl() & LineControl.stopMask;
  }

  set stopBits(bits: number) {
    this.changeLineControl(LineControl.stopMask, bits);
  }

  get parityBits(): number {
    return this.lineControl() & LineControl.parityMask;
  }

  set parityBits(bits: number) {
    this.changeLineControl(LineControl.parityMask, bits);
  }

  write(text: string): void {
    for (const byte of encodeUtf8(text)) this.writeByte(byte);
  }

  protected writeByte(byte: number): void {
    for (let tries = 0; tries < patience; tries++) {
      if ((this.portIo.inb(this.port + SerialRegister.lineStatus) & LineStatus.emptyTransmitter) !== 0) break;
    }
    this.portIo.outb(this.port, byte);
  }

  private lineControl(): number {
    return this.portIo.inb(this.port + SerialRegister.lineControl);
  }

  private changeLineControl(mask: number, bits: number): void {
    this.portIo.outb(this.port + SerialRegister.lineControl, (this.lineControl() & ~mask) | (bits & mask));
  }

  private withDivisorLatch<T>(access: () => T): T {
    const before = this.lineControl();
    this.portIo.outb(this.port + SerialRegister.lineControl, before | SERIAL_DLAB);
    const result = access();
    this.portIo.outb(this.port + SerialRegister.lineControl, before & ~SERIAL_DLAB);
    return result;
  }
}
