// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';

const ALIGNMENT = 8;

/** Collects NUL-terminated strings and tables one after the other, in memory from an address on. */
export class BootInfoWriter {
  private at: number;
  private readonly blocks: { readonly address: number; readonly bytes: Uint8Array }[] = [];

  /** @param start address of the first free byte. */
  constructor(start: number) {
    this.at = start;
  }

  /** The first byte behind all that was written. */
  get end(): number {
    return this.at;
  }

  /** Writes bytes. @returns their address. */
  bytes(bytes: Uint8Array): number {
    const address = this.at;
    this.blocks.push({ address, bytes });
    this.at = Math.ceil((address + bytes.length) / ALIGNMENT) * ALIGNMENT;
    return address;
  }

  /** Writes a string with its NUL. @returns its address. */
  text(text: string): number {
    return this.bytes(new TextEncoder().encode(`${text}\0`));
  }

  /** Writes 32-bit words. @returns their address. */
  words(...values: readonly number[]): number {
    return this.bytes(new Uint8Array(Uint32Array.from(values).buffer));
  }

  /** Copies all of it into memory. */
  store(ram: GuestRam): void {
    for (const { address, bytes } of this.blocks) ram.set(bytes, address);
  }
}
