// SPDX-License-Identifier: LGPL-2.1-only
// The registers of a 16550, with the names of Bareflank 1.1. PC16550D data sheet.

/** Ports of serial devices. */
export const SerialPortAddress = {
  com1: 0x3f8,
  com2: 0x2f8,
  com3: 0x3e8,
  com4: 0x2e8,
} as const;

/** Serial speeds, as divisors of 115200. */
export const BaudRate = {
  baud_rate_50: 2304,
  baud_rate_75: 1536,
  baud_rate_110: 1047,
  baud_rate_150: 768,
  baud_rate_300: 384,
  baud_rate_600: 192,
  baud_rate_1200: 96,
  baud_rate_1800: 64,
  baud_rate_2000: 58,
  baud_rate_2400: 48,
  baud_rate_3600: 32,
  baud_rate_4800: 24,
  baud_rate_7200: 16,
  baud_rate_9600: 12,
  baud_rate_19200: 6,
  baud_rate_38400: 3,
  baud_rate_57600: 2,
  baud_rate_115200: 1,
} as const;

/** Serial data bits, as in the line-control register. */
export const DataBits = {
  char_length_5: 0,
  char_length_6: 1,
  char_length_7: 2,
  char_length_8: 3,
} as const;

/** Serial stop bits, as in the line-control register. */
export const StopBits = {
  stop_bits_1: 0,
  stop_bits_2: 4,
} as const;

/** Serial parity, as in the line-control register. */
export const ParityBits = {
  parity_none: 0,
  parity_odd: 8,
  parity_even: 24,
  parity_mark: 40,
  parity_space: 56,
} as const;

/** The 16550's registers, as offsets from its port. */
export const SerialRegister = {
  baudRateLo: 0,
  baudRateHi: 1,
  interruptEn: 1,
  fifoControl: 2,
  lineControl: 3,
  lineStatus: 5,
} as const;

/** Divisor-latch access bit of the line-control register. */
export const SERIAL_DLAB = 0x80;

/** FIFO-control bits. */
export const FifoControl = {
  enableFifos: 1,
  clearReceiveFifo: 2,
  clearTransmitFifo: 4,
  dmaModeSelect: 8,
} as const;

/** Line-status bits. */
export const LineStatus = {
  dataReady: 1,
  overrunError: 2,
  parityError: 4,
  framingError: 8,
  breakInterrupt: 16,
  emptyTransmitter: 32,
  emptyData: 64,
  receivedFifoError: 128,
} as const;

/** Line-control masks. */
export const LineControl = {
  dataMask: 3,
  stopMask: 4,
  parityMask: 56,
} as const;
