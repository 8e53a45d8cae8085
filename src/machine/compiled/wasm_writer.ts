// SPDX-License-Identifier: LGPL-2.1-only

import { Opcode } from '../wasm_format.js';

/** A growing buffer with the number formats of WebAssembly. */
export class WasmWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  /** Bytes written so far. */
  length = 0;

  /** @param room in bytes; it grows */
  constructor(room = 256) {
    this.buffer = new Uint8Array(room);
  }

  /** A copy of what was written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  append(values: ArrayLike<number>): void {
    const { length } = values;
    if (this.length + length > this.buffer.length) this.grow(length);
    // most pieces are a few bytes, for which Uint8Array.set is slow
    if (length > 32) this.buffer.set(values, this.length);
    else for (let index = 0; index < length; index++) this.buffer[this.length + index] = values[index]!;
    this.length += length;
  }

  /** Unsigned LEB128 of a number below 2^32. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest > 127) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  signed(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 127;
      rest >>= 7;
      if ((rest === 0 && !(low & 64)) || (rest === -1 && low & 64)) {
        this.byte(low);
        return;
      }
      this.byte(low | 128);
    }
  }

  /** Signed LEB128 of a 64-bit number. */
  signed64(value: bigint): void {
    if (value >= -0x80000000n && value <= 0x7fffffffn) {
      this.signed(Number(value));
      return;
    }
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 127n);
      rest >>= 7n;
      if ((rest === 0n && !(low & 64)) || (rest === -1n && low & 64)) {
        this.byte(low);
        return;
      }
      this.byte(low | 128);
    }
  }

  /** An opcode with one unsigned immediate. */
  op(opcode: number, immediate: number): void {
    this.byte(opcode);
    this.unsigned(immediate);
  }

  i32Const(value: number): void {
    this.byte(Opcode.I32Const);
    this.signed(value);
  }

  /** @param value a safe integer */
  i64Const(value: number): void {
    this.byte(Opcode.I64Const);
    if (value === (value | 0)) this.signed(value);
    else this.signed64(BigInt(value));
  }

  i64ConstWide(value: bigint): void {
    this.byte(Opcode.I64Const);
    this.signed64(value);
  }

  /** A load or store at a fixed address: the address operand is 0 and must be on the stack, below the value for stores. */
  access(opcode: number, alignment: number, offset: number): void {
    this.byte(opcode);
    this.unsigned(alignment);
    this.unsigned(offset);
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.append(bytes);
  }

  /** A length-prefixed part: a section's or a function body's contents. */
  sized(write: (part: WasmWriter) => void): void {
    const part = new WasmWriter();
    write(part);
    this.unsigned(part.length);
    this.append(part.buffer.subarray(0, part.length));
  }

  private grow(atLeast: number): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + atLeast));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** Local declarations of a function body: runs of equal types. */
export function writeLocals(out: WasmWriter, locals: readonly number[]): void {
  const runs: [number, number][] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last && last[1] === type) last[0]++;
    else runs.push([1, type]);
  }
  out.unsigned(runs.length);
  for (const [count, type] of runs) {
    out.unsigned(count);
    out.byte(type);
  }
}
