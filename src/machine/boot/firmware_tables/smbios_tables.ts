// SPDX-License-Identifier: LGPL-2.1-only
// System Management BIOS (SMBIOS) Reference Specification 2.8.
import type { GuestRam } from '../../memory/guest_ram.js';
import type { ProcessorModel } from '../../models/processor_model.js';
import { ascii, bytesOf, checksum, double, quad, word } from './firmware_bytes.js';

/** Physical address of the entry point: programs look for it on 16-byte boundaries from F0000h. The structures follow. */
export const SMBIOS_ENTRY_POINT = 0xf8000;
const STRUCTURES = SMBIOS_ENTRY_POINT + 0x20;
const ENTRY_POINT_BYTES = 0x1f;
const VERSION = { major: 2, minor: 8 } as const;

/** The types of structures that the machine has. */
const Type = {
  Bios: 0,
  System: 1,
  Chassis: 3,
  Processor: 4,
  MemoryArray: 16,
  MemoryDevice: 17,
  MappedMemory: 19,
  BootInformation: 32,
  End: 127,
} as const;

const KIBIBYTE = 2 ** 10;
const MEBIBYTE = 2 ** 20;
const MEGAHERTZ = 1e6;
const NO_HANDLE = 0xffff;
/** The handle that says: no error information is there. */
const NO_ERROR_INFORMATION = 0xfffe;
const MAKER = 'Bareflank';
/** From 2015 on, Linux expects RTC alarms as an ACPI event, which the machine does not have. */
const RELEASE_DATE = '04/01/2014';

/** What the tables are about. */
export interface SmbiosFacts {
  readonly memoryBytes: number;
  readonly processors: number;
  readonly model: Pick<ProcessorModel, 'signature' | 'cpuid'>;
  /** Of the time-stamp counter. */
  readonly hertz: number;
}

/** A structure: what follows its handle, and its strings, to which the body refers by number from 1. */
interface Structure {
  readonly type: number;
  readonly body: readonly number[];
  readonly strings?: readonly string[];
}

const FIRST_BRAND_LEAF = 0x80000002;
const LAST_BRAND_LEAF = 0x80000004;
const FEATURE_LEAF = 1;

/** The processor's name, as CPUID has it. */
function brandOf(cpuid: ProcessorModel['cpuid']): string {
  const leaves = cpuid.filter(({ leaf }) => leaf >= FIRST_BRAND_LEAF && leaf <= LAST_BRAND_LEAF);
  const bytes = leaves.flatMap(({ eax, ebx, ecx, edx }) => [eax, ebx, ecx, edx].flatMap(double));
  return String.fromCharCode(...bytes.filter((byte) => byte !== 0)).trim();
}

function bios(): Structure {
  const characteristicsNotSupported = 1 << 3;
  const virtualMachine = 1 << 4;
  const [release, embeddedController] = [
    [0, 1],
    [0xff, 0xff],
  ];
  return {
    type: Type.Bios,
    strings: [MAKER, '0.1', RELEASE_DATE],
    body: [1, 2, ...word(0xf000), 3, 0, ...quad(characteristicsNotSupported), 0, virtualMachine, ...release, ...embeddedController],
  }; // prettier-ignore
}

function system(): Structure {
  const powerSwitch = 6;
  const noUuid = new Array<number>(16).fill(0);
  return {
    type: Type.System,
    strings: [MAKER, 'Simulated PC'],
    body: [1, 2, 0, 0, ...noUuid, powerSwitch, 0, 0],
  };
}

function chassis(): Structure {
  const [other, safe, unknown] = [1, 3, 2];
  return {
    type: Type.Chassis,
    strings: [MAKER],
    body: [1, other, 0, 0, 0, safe, safe, safe, unknown, ...double(0), 0, 0, 0, 0, 0],
  };
}

/** One package: its processors are cores. */
function processor({ processors, model, hertz }: SmbiosFacts): Structure {
  const features = model.cpuid.find(({ leaf }) => leaf === FEATURE_LEAF)?.edx ?? 0;
  const [central, other, enabled] = [3, 1, 0x41];
  const megahertz = word(Math.round(hertz / MEGAHERTZ));
  const caches = [NO_HANDLE, NO_HANDLE, NO_HANDLE].flatMap(word);
  return {
    type: Type.Processor,
    strings: ['CPU 0', 'Intel', brandOf(model.cpuid)],
    body: [
      1, central, other, 2, ...double(model.signature), ...double(features), 3, 0, ...word(0), ...megahertz, ...megahertz,
      enabled, other, ...caches, 0, 0, 0, processors, processors, processors, ...word(0), ...word(other),
    ],
  }; // prettier-ignore
}

/** The handle of a structure is its place in the list. */
const MEMORY_ARRAY_HANDLE = 4;

function memory({ memoryBytes }: SmbiosFacts): Structure[] {
  const [systemBoard, systemMemory, noCorrection, oneDevice] = [3, 3, 3, 1];
  const [unknownWidth, dimm, ram, otherDetail] = [0xffff, 9, 7, 2];
  const kibibytes = memoryBytes / KIBIBYTE;
  return [
    {
      type: Type.MemoryArray,
      body: [
        systemBoard, systemMemory, noCorrection, ...double(kibibytes), ...word(NO_ERROR_INFORMATION), ...word(oneDevice), ...quad(0),
      ],
    },
    {
      type: Type.MemoryDevice,
      strings: ['DIMM 0'],
      body: [
        ...word(MEMORY_ARRAY_HANDLE), ...word(NO_ERROR_INFORMATION), ...word(unknownWidth), ...word(unknownWidth),
        ...word(memoryBytes / MEBIBYTE), dimm, 0, 1, 0, ram, ...word(otherDetail), ...word(0), 0, 0, 0, 0, 0,
        ...double(0), ...word(0), ...word(0), ...word(0), ...word(0),
      ],
    },
    {
      type: Type.MappedMemory,
      body: [...double(0), ...double(kibibytes - 1), ...word(MEMORY_ARRAY_HANDLE), oneDevice, ...quad(0), ...quad(0)],
    },
  ]; // prettier-ignore
}

const bootInformation = (): Structure => ({ type: Type.BootInformation, body: [0, 0, 0, 0, 0, 0, 0] });
const end = (): Structure => ({ type: Type.End, body: [] });

/** Type, length, handle, body; then the strings, each ended by a 0, and a 0 more. */
function encoded({ type, body, strings = [] }: Structure, handle: number): number[] {
  const header = [type, 4 + body.length, ...word(handle)];
  const texts = strings.length === 0 ? [0] : strings.flatMap((text) => [...ascii(text), 0]);
  return [...header, ...body, ...texts, 0];
}

function entryPoint(structures: readonly (readonly number[])[]): number[] {
  const total = structures.reduce((sum, { length }) => sum + length, 0);
  const largest = Math.max(...structures.map(({ length }) => length));
  const revision = VERSION.major * 16 + VERSION.minor;
  const table = [...word(total), ...double(STRUCTURES), ...word(structures.length), revision];
  const second = [...ascii('_DMI_'), 0, ...table];
  second[5] = checksum(second);
  const first = [
    ...ascii('_SM_'),
    0,
    ENTRY_POINT_BYTES,
    VERSION.major,
    VERSION.minor,
    ...word(largest),
    0,
    ...bytesOf(0, 5),
  ];
  first[4] = checksum([...first, ...second]);
  return [...first, ...second];
}

/** Writes the entry point and the structures below 1 MiB, in memory that the memory map reserves. */
export function writeSmbiosTables(ram: GuestRam, facts: SmbiosFacts): void {
  const list = [bios(), system(), chassis(), processor(facts), ...memory(facts), bootInformation(), end()];
  const structures = list.map(encoded);
  ram.set(entryPoint(structures), SMBIOS_ENTRY_POINT);
  ram.set(structures.flat(), STRUCTURES);
}
