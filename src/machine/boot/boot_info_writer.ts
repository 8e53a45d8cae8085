// SPDX-License-Identifier: LGPL-2.1-only

/** Writes NUL-terminated strings and tables one after the other. */
export class BootInfoWriter {
  private readonly data: DataView;

  /** @param at address of the first free byte. */
  constructor(
    private readonly ram: Uint8Array,
    private at: number,
  ) {
    this.data = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  }

  /** Takes so many bytes, all 0. @returns their address. */
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
    values.forEach((value, index) => this.data.setUint32(start + 4 * index, value, true));
  }
}
