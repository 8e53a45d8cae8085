// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../../memory/guest_ram.js';
import { ACPI_PM_BASE } from '../../devices/acpi_pm.js';
import { HPET_BASE, HPET_CAPABILITIES } from '../../devices/hpet/hpet_registers.js';
import { IO_APIC_BASE } from '../../devices/interrupts/io_apic.js';
import { LOCAL_APIC_BASE } from '../../devices/interrupts/local_apic_state.js';
import { differentiatedDescription } from './differentiated_description.js';
import { ascii, checksum, double, quad, word } from './firmware_bytes.js';

// ACPI Specification 6.5, "ACPI Software Programming Model".

/** Physical address of the root pointer: programs look for it on 16-byte boundaries from E0000h. */
export const ACPI_ROOT_POINTER = 0xf0000;
const TABLES = ACPI_ROOT_POINTER + 0x40;
const SYSTEM_CONTROL_INTERRUPT = 9;
const CMOS_CENTURY = 0x32;
const RESET_PORT = 0xcf9;
const RESET_VALUE = 6;

const OEM = 'BRFLNK';
const OEM_TABLE = 'BAREFLNK';
const HEADER_BYTES = 36;

/** A table with its header and checksum. */
function table(signature: string, revision: number, body: readonly number[]): number[] {
  const header = [
    ...ascii(signature),
    ...double(HEADER_BYTES + body.length),
    revision,
    0,
    ...ascii(OEM),
    ...ascii(OEM_TABLE),
    ...double(1),
    ...ascii('BRFL'),
    ...double(1),
  ];
  const bytes = [...header, ...body];
  bytes[9] = checksum(bytes);
  return bytes;
}

/** A generic address structure in I/O space. */
function ioRegister(port: number, bytes: number): number[] {
  return [1, bytes * 8, 0, Math.min(bytes, 3), ...quad(port)];
}

const NO_REGISTER = new Array<number>(12).fill(0);

/**
 * Fixed ACPI description table, revision 3: what AcpiPm has, the reset control, and the keyboard controller flag. The 64-bit address of FACS is 0:
 * a guest that finds two addresses would use both.
 */
function fixedDescription(facs: number, dsdt: number): number[] {
  const flags = 0x1 | 0x4 | 0x10 | 0x20 | 0x400; // WBINVD, C1, no fixed power and sleep buttons, reset register
  const bootArchitecture = 0x3; // legacy devices, 8042
  return table('FACP', 3, [
    ...double(facs), ...double(dsdt), 0, 1,
    ...word(SYSTEM_CONTROL_INTERRUPT), ...double(0), 0, 0, 0, 0,
    ...double(ACPI_PM_BASE), ...double(0), ...double(ACPI_PM_BASE + 4), ...double(0), ...double(0), ...double(ACPI_PM_BASE + 8),
    ...double(0), ...double(0), 4, 2, 0, 4, 0, 0, 0, 0,
    ...word(0xfff), ...word(0xfff), ...word(0), ...word(0), 0, 0, 0, 0, CMOS_CENTURY, ...word(bootArchitecture), 0,
    ...double(flags), ...ioRegister(RESET_PORT, 1), RESET_VALUE, 0, 0, 0,
    ...quad(0), ...quad(dsdt),
    ...ioRegister(ACPI_PM_BASE, 4), ...NO_REGISTER, ...ioRegister(ACPI_PM_BASE + 4, 2), ...NO_REGISTER, ...NO_REGISTER,
    ...ioRegister(ACPI_PM_BASE + 8, 4), ...NO_REGISTER, ...NO_REGISTER,
  ]); // prettier-ignore
}

/** Multiple APIC description table: local APICs, the IOAPIC, the wires that are not one to one. */
function apicDescription(processors: number): number[] {
  const localApics = Array.from({ length: processors }, (_, id) => [0, 8, id, id, ...double(1)]);
  const timerOverride = [2, 10, 0, 0, ...double(2), ...word(0)];
  const controlOverride = [2, 10, 0, SYSTEM_CONTROL_INTERRUPT, ...double(SYSTEM_CONTROL_INTERRUPT), ...word(0xd)];
  const nmi = [4, 6, 0xff, ...word(0), 1];
  const ioApic = [1, 12, 0, 0, ...double(IO_APIC_BASE), ...double(0)];
  const pcatCompatible = 1;
  return table('APIC', 3, [
    ...double(LOCAL_APIC_BASE),
    ...double(pcatCompatible),
    ...localApics.flat(),
    ...ioApic,
    ...timerOverride,
    ...controlOverride,
    ...nmi,
  ]);
}

/** IA-PC HPET Specification 1.0a, "The ACPI 2.0 HPET Description Table". */
function timerDescription(): number[] {
  const memory = [0, 64, 0, 0, ...quad(HPET_BASE)];
  const [sequence, leastPeriodicTicks, pageProtection] = [0, 0x80, 0];
  return table('HPET', 1, [
    ...double(HPET_CAPABILITIES),
    ...memory,
    sequence,
    ...word(leastPeriodicTicks),
    pageProtection,
  ]);
}

function firmwareControl(): number[] {
  return [...ascii('FACS'), ...double(64), ...new Array<number>(56).fill(0)];
}

function rootPointer(rsdt: number, xsdt: number): number[] {
  const bytes = [...ascii('RSD PTR '), 0, ...ascii(OEM), 2, ...double(rsdt), ...double(36), ...quad(xsdt), 0, 0, 0, 0];
  bytes[8] = checksum(bytes.slice(0, 20));
  bytes[32] = checksum(bytes);
  return bytes;
}

/**
 * Writes the ACPI tables below 1 MiB, in memory that the memory map reserves.
 * @returns the address of the root pointer.
 */
export function writeAcpiTables(ram: GuestRam, processors: number): number {
  let at = TABLES;
  const place = (bytes: readonly number[]): number => {
    const start = at;
    ram.set(bytes, start);
    // FACS must be aligned to 64 bytes. The other tables need less.
    at = Math.ceil((start + bytes.length) / 64) * 64;
    return start;
  };
  const facs = place(firmwareControl());
  const dsdt = place(table('DSDT', 2, differentiatedDescription()));
  const tables = [place(fixedDescription(facs, dsdt)), place(apicDescription(processors)), place(timerDescription())];
  const rsdt = place(table('RSDT', 1, tables.flatMap(double)));
  const xsdt = place(table('XSDT', 1, tables.flatMap(quad)));
  ram.set(rootPointer(rsdt, xsdt), ACPI_ROOT_POINTER);
  return ACPI_ROOT_POINTER;
}
