// SPDX-License-Identifier: LGPL-2.1-only

/** Guest RAM for those who look for symbols in it: to read, within its bounds. What is outside is 0. */
export class SymbolMemory {
  private readonly data: DataView;

  /**
   * @param bytes guest RAM from physical address 0
   * @param needed called with a range of addresses before the bytes there are read
   */
  constructor(
    readonly bytes: Uint8Array,
    private readonly needed: (start: number, end: number) => void = () => {},
  ) {
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The part of a range that is RAM. Its contents are there afterwards. */
  range(from: number, to: number): { readonly start: number; readonly end: number } {
    const start = Math.min(Math.max(from, 0), this.bytes.length);
    const end = Math.min(Math.max(to, start), this.bytes.length);
    this.needed(start, end);
    return { start, end };
  }

  u8(at: number): number {
    return this.bytes[at] ?? 0;
  }

  u16(at: number): number {
    return this.has(at, 2) ? this.data.getUint16(at, true) : 0;
  }

  u32(at: number): number {
    return this.has(at, 4) ? this.data.getUint32(at, true) : 0;
  }

  i32(at: number): number {
    return this.u32(at) | 0;
  }

  u64(at: number): bigint {
    return this.has(at, 8) ? this.data.getBigUint64(at, true) : 0n;
  }

  /** Characters up to a 0, at most so many. */
  text(at: number, most: number): string {
    let text = '';
    for (let place = at; place < at + most && this.u8(place) !== 0; place++)
      text += String.fromCharCode(this.u8(place));
    return text;
  }

  private has(at: number, bytes: number): boolean {
    return at >= 0 && at + bytes <= this.bytes.length;
  }
}
