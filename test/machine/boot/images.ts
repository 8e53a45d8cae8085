// SPDX-License-Identifier: LGPL-2.1-only
import type { BootModule, BootRequest } from '../../../src/machine/boot/entry_state.js';

/** A request to boot these bytes. */
export function request(bytes: Uint8Array, append = ''): BootRequest {
  return { kernel: { name: 'kernel', bytes }, modules: [], append };
}

/** A module of these bytes. */
export function module(name: string, bytes: Uint8Array, args = ''): BootModule {
  return { name, bytes, arguments: args };
}

/** The NUL-terminated string at an address. */
export function stringAt(ram: Uint8Array, address: number): string {
  return new TextDecoder().decode(ram.subarray(address, ram.indexOf(0, address)));
}

/** Fields of a made-up bzImage that a test wants to differ. */
export interface LinuxImageOptions {
  readonly version?: number;
  readonly xloadFlags?: number;
  readonly initSize?: number;
  readonly bootFlag?: number;
  readonly preferredAddress?: bigint;
  readonly bytes?: number;
  readonly paragraphs?: number;
  readonly initrdAddressMax?: number;
}

/** A bzImage that consists of a setup header and `HLT`s. */
export function linuxImage(options: LinuxImageOptions = {}): Uint8Array {
  const bytes = new Uint8Array(5 * 512 + 0x1000).fill(0xf4, 5 * 512);
  const data = new DataView(bytes.buffer);
  data.setUint8(0x1f1, 4);
  data.setUint32(0x1f4, options.paragraphs ?? 0x1000 / 16, true);
  data.setUint16(0x1fe, options.bootFlag ?? 0xaa55, true);
  data.setUint16(0x200, 0x6aeb, true);
  data.setUint32(0x202, 0x53726448, true);
  data.setUint16(0x206, options.version ?? 0x20f, true);
  data.setUint32(0x22c, options.initrdAddressMax ?? 0x7fffffff, true);
  data.setUint32(0x230, 0x200000, true);
  data.setUint8(0x234, 1);
  data.setUint16(0x236, options.xloadFlags ?? 1, true);
  data.setUint32(0x238, 2047, true);
  data.setBigUint64(0x258, options.preferredAddress ?? 0x1000000n, true);
  data.setUint32(0x260, options.initSize ?? 0x800000, true);
  return bytes.subarray(0, options.bytes);
}

/** What a made-up ELF file holds. */
export interface ElfOptions {
  readonly entry: number;
  readonly segments: readonly ElfSegmentOptions[];
  readonly multiboot?: boolean;
  readonly flags?: number;
  /** 32 unless told otherwise. */
  readonly bits?: 32 | 64;
  /** The physical entry point in a PVH note. */
  readonly pvhEntry?: number;
}

interface ElfSegmentOptions {
  readonly at: number;
  readonly bytes: readonly number[];
  readonly memory?: number;
  /** The virtual address, if it is not the physical one. */
  readonly virtual?: bigint;
  /** A note segment instead of a loaded one. */
  readonly isNote?: true;
}

/** Where the contents of the segments begin in a made-up ELF file. */
const CONTENTS = 0x200;
const MULTIBOOT_AT = 0x1f0;

/** A note that names the PVH entry: owner "Xen", type 18. */
const pvhNote = (entry: number): number[] => [
  ...[4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, 0x58, 0x65, 0x6e, 0],
  ...new Uint8Array(Uint32Array.of(entry).buffer),
];

/** An ELF file for the 386 or x86-64, with a multiboot header unless told otherwise. */
export function elf(options: ElfOptions): Uint8Array {
  const wide = options.bits === 64;
  const note =
    options.pvhEntry === undefined ? [] : [{ at: 0, bytes: pvhNote(options.pvhEntry), isNote: true as const }];
  const segments: ElfSegmentOptions[] = [...options.segments, ...note];
  const bytes = new Uint8Array(CONTENTS + segments.reduce((sum, segment) => sum + segment.bytes.length, 0));
  const data = new DataView(bytes.buffer);
  const words = (at: number, ...values: number[]): void =>
    values.forEach((value, i) => data.setUint32(at + 4 * i, value >>> 0, true));
  const long = (at: number, value: bigint | number): void =>
    wide ? data.setBigUint64(at, BigInt(value), true) : data.setUint32(at, Number(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  words(16, wide ? 0x003e0002 : 0x00030002, 1);
  long(24, options.entry);
  const [headerBytes, segmentBytes] = wide ? [64, 56] : [52, 32];
  long(wide ? 32 : 28, headerBytes);
  data.setUint16(wide ? 54 : 42, segmentBytes, true);
  data.setUint16(wide ? 56 : 44, segments.length, true);
  let offset = CONTENTS;
  segments.forEach((segment, index) => {
    const at = headerBytes + segmentBytes * index;
    words(at, segment.isNote ? 4 : 1);
    const first = wide ? 8 : 4;
    const size = segment.bytes.length;
    const fields = [offset, segment.virtual ?? segment.at, segment.at, size, segment.memory ?? size];
    fields.forEach((value, i) => long(at + first + (wide ? 8 : 4) * i, value));
    long(at + (wide ? 48 : 28), 4);
    bytes.set(segment.bytes, offset);
    offset += size;
  });
  const flags = options.flags ?? 2;
  if (options.multiboot !== false) words(MULTIBOOT_AT, 0x1badb002, flags, -(0x1badb002 + flags));
  return bytes;
}
