// SPDX-License-Identifier: LGPL-2.1-only
import type { BootRequest } from '../../../src/machine/boot/entry_state.js';

/** A request to boot these bytes. */
export function request(bytes: Uint8Array, append = ''): BootRequest {
  return { kernel: { name: 'kernel', bytes }, modules: [], append };
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
}

/** A bzImage that consists of a setup header and `HLT`s. */
export function linuxImage(options: LinuxImageOptions = {}): Uint8Array {
  const bytes = new Uint8Array(5 * 512 + 0x1000).fill(0xf4, 5 * 512);
  const data = new DataView(bytes.buffer);
  data.setUint8(0x1f1, 4);
  data.setUint32(0x1f4, 0x1000 / 16, true);
  data.setUint16(0x1fe, options.bootFlag ?? 0xaa55, true);
  data.setUint16(0x200, 0x6aeb, true);
  data.setUint32(0x202, 0x53726448, true);
  data.setUint16(0x206, options.version ?? 0x20f, true);
  data.setUint32(0x22c, 0x7fffffff, true);
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
  readonly segments: readonly { readonly at: number; readonly bytes: readonly number[]; readonly memory?: number }[];
  readonly multiboot?: boolean;
  readonly flags?: number;
}

/** A 32-bit ELF file, with a multiboot header unless told otherwise. */
export function elf32(options: ElfOptions): Uint8Array {
  const content = 0x100;
  const size = content + options.segments.reduce((sum, segment) => sum + segment.bytes.length, 0);
  const bytes = new Uint8Array(size);
  const data = new DataView(bytes.buffer);
  const words = (at: number, ...values: number[]): void =>
    values.forEach((value, i) => data.setUint32(at + 4 * i, value >>> 0, true));
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  words(16, 0x00030002, 1, options.entry, 52);
  data.setUint16(42, 32, true);
  data.setUint16(44, options.segments.length, true);
  let offset = content;
  options.segments.forEach((segment, index) => {
    words(
      52 + 32 * index,
      1,
      offset,
      segment.at,
      segment.at,
      segment.bytes.length,
      segment.memory ?? segment.bytes.length,
      7,
      4,
    );
    bytes.set(segment.bytes, offset);
    offset += segment.bytes.length;
  });
  const flags = options.flags ?? 2;
  if (options.multiboot !== false) words(0xf0, 0x1badb002, flags, -(0x1badb002 + flags));
  return bytes;
}
