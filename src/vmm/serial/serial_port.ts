// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import {
  BaudRate,
  DataBits,
  ParityBits,
  SerialPortAddress,
  StopBits,
} from '../../intrinsics/registers/serial_registers.js';

/** The port of the default serial device. */
export const SERIAL_DEFAULT_PORT = SerialPortAddress.com1;

/** The settings of a 16550: its first port, and values of `BaudRate`, `DataBits`, `StopBits`, `ParityBits`. */
export interface SerialSettings {
  readonly port: number;
  readonly baudRate: number;
  readonly dataBits: number;
  readonly stopBits: number;
  readonly parityBits: number;
}
/** The settings of the VMM's port. A machine binds them; rebind them to override its choice. */
export const SerialSettings = component<SerialSettings>('bareflank.SerialSettings', 'vmm');

/** COM1, 115200 8N1. */
export const defaultSerialSettings: SerialSettings = {
  port: SERIAL_DEFAULT_PORT,
  baudRate: BaudRate.baud_rate_115200,
  dataBits: DataBits.char_length_8,
  stopBits: StopBits.stop_bits_1,
  parityBits: ParityBits.parity_none,
};

/** The VMM's serial line. */
export interface SerialPort {
  /** Programs the device. Once, at load. */
  init(): void;
  readonly port: number;
  /** A divisor of `BaudRate`; 115200 baud if the device holds none of them. */
  baudRate: number;
  dataBits: number;
  stopBits: number;
  parityBits: number;
  /** UTF-8, byte by byte, each when the device can take it. */
  write(text: string): void;
}
export const SerialPort = component<SerialPort>('bareflank.SerialPort', 'vmm');
