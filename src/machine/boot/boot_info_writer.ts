// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';

/** Writes NUL-terminated strings and tables one after the other. */
export class BootInfoWriter {
  /** @param at address of the first free byte. */
  constructor(
    private readonly ram: GuestRam,
    private at: number,
  ) {}

  /** Reserves bytes, all 0. @returns their address. */
  reserve(bytes: number): number {
    const start = this.at;
    this.ram.fill(0, start, start + bytes);
    this.at = Math.ceil((start + bytes) / 8) * 8;
    return start;
  }

  /** Writes a string with its NUL. @returns its address. */
  text(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const start = this.reserve(bytes.length + 1);
    this.ram.set(bytes, start);
    return start;
  }

  /** Stores 32-bit words one after the other. */
  words(start: number, ...values: number[]): void {
    this.ram.set(new Uint8Array(Uint32Array.from(values).buffer), start);
  }
}
