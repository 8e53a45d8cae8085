// SPDX-License-Identifier: LGPL-2.1-only
import { SerialPortAddress } from '../../intrinsics/registers/serial_registers.js';
import type { GuestRam } from '../memory/guest_ram.js';
import { LOW_MEMORY_END, VIDEO_MEMORY_START } from './memory_map.js';

/** Addresses in the BIOS data area of a PC. Xen and Linux read the EBDA's segment and the base memory to find free low memory. */
export const BiosData = {
  SERIAL_PORTS: 0x400,
  EBDA_SEGMENT: 0x40e,
  EQUIPMENT: 0x410,
  BASE_MEMORY_KIBIBYTES: 0x413,
} as const;

/** The equipment word: an x87 FPU, and two serial ports in bits 11:9. */
const EQUIPMENT = 0x2 | (2 << 9);

const word = (value: number): number[] => [value & 0xff, value >>> 8];

/** Writes the BIOS data area and the head of the extended BIOS data area (EBDA). They say what the memory map says. */
export function writeBiosDataArea(ram: GuestRam): void {
  ram.set([...word(SerialPortAddress.com1), ...word(SerialPortAddress.com2)], BiosData.SERIAL_PORTS);
  ram.set(word(LOW_MEMORY_END >>> 4), BiosData.EBDA_SEGMENT);
  ram.set(word(EQUIPMENT), BiosData.EQUIPMENT);
  ram.set(word(LOW_MEMORY_END >>> 10), BiosData.BASE_MEMORY_KIBIBYTES);
  // The first byte of the EBDA is its size in KiB.
  ram.set([(VIDEO_MEMORY_START - LOW_MEMORY_END) >>> 10], LOW_MEMORY_END);
}
