// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BiosData } from './bios_data_area.js';

/** Real-mode segment and offset of the handlers: in memory that the memory map reserves, between the ACPI tables and the GDT. */
const SEGMENT = 0xf000;
const FIRST_OFFSET = 0xe000;
const VECTORS = 256;

/** Software interrupts by which programs call a BIOS. */
const Service = { VIDEO: 0x10, EQUIPMENT: 0x11, BASE_MEMORY: 0x12, TIME_OF_DAY: 0x1a } as const;

/** IRET: for exceptions, interrupts, and services that are called by the BIOS itself. */
const RETURN = [0xcf];

/** Answers "function not supported": CF in the caller's flags, AH = 86h. All other registers stay. */
const UNSUPPORTED = [
  0x55, // push bp
  ...[0x89, 0xe5], // mov bp, sp
  ...[0x80, 0x4e, 0x06, 0x01], // or byte [bp + 6], 1
  0x5d, // pop bp
  ...[0xb4, 0x86], // mov ah, 86h
  0xcf, // iret
];

/** Answers with the word at an address below 64 KiB. These services have no way to fail. */
const answerWordAt = (address: number): number[] => [
  0x1e, // push ds
  ...[0x6a, 0x00], // push 0
  0x1f, // pop ds
  ...[0xa1, address & 0xff, address >>> 8], // mov ax, [address]
  0x1f, // pop ds
  0xcf, // iret
];

/** Writes handlers one after the other. @returns a function that writes one and gives its real-mode address, offset first. */
function handlerWriter(ram: GuestRam): (code: readonly number[]) => number[] {
  let offset = FIRST_OFFSET;
  return (code) => {
    const at = offset;
    ram.set(code, (SEGMENT << 4) + at);
    offset += code.length;
    return [at & 0xff, at >>> 8, SEGMENT & 0xff, SEGMENT >>> 8];
  };
}

/**
 * Writes a real-mode interrupt vector table. The machine has no BIOS: a kernel that returns to real mode and asks for its services, as
 * Xen does, learns that they are not supported. Without the table it would execute data at address 0.
 */
export function writeBiosServices(ram: GuestRam): void {
  const handler = handlerWriter(ram);
  const doNothing = handler(RETURN);
  const unsupported = handler(UNSUPPORTED);
  const vectors = Array.from({ length: VECTORS }, (_, vector) =>
    vector >= Service.VIDEO && vector <= Service.TIME_OF_DAY ? unsupported : doNothing,
  );
  vectors[Service.EQUIPMENT] = handler(answerWordAt(BiosData.EQUIPMENT));
  vectors[Service.BASE_MEMORY] = handler(answerWordAt(BiosData.BASE_MEMORY_KIBIBYTES));
  ram.set(vectors.flat(), 0);
}
