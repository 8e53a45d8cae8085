// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { hex } from '../../intrinsics/texts/hex.js';

/** Copies bytes. @returns undefined where there is no memory */
export type ReadBytes = (address: bigint, length: number) => Uint8Array | undefined;

/** Bytes that one expression may read at once. */
const MOST_BYTES = 1 << 24;

/** Memory to look at: each method copies. Addresses may be numbers or bigints. */
export class MemoryView {
  /** @param what kind of address it takes, for messages */
  constructor(
    private readonly what: string,
    private readonly bytes: ReadBytes,
  ) {}

  /** @throws BareflankError where there is no memory */
  read(address: number | bigint, length: number): Buffer {
    if (!Number.isInteger(length) || length < 0 || length > MOST_BYTES)
      throw new BareflankError(`read: the length is ${String(length)}, wanted a whole number from 0 to ${MOST_BYTES}`);
    const from = BigInt.asUintN(64, BigInt(address));
    const found = this.bytes(from, length);
    if (found === undefined) throw new BareflankError(`there is no memory at the ${this.what} address ${hex(from)}`);
    return Buffer.from(found);
  }

  u8(address: number | bigint): number {
    return Number(this.value(address, 1));
  }

  u16(address: number | bigint): number {
    return Number(this.value(address, 2));
  }

  u32(address: number | bigint): number {
    return Number(this.value(address, 4));
  }

  u64(address: number | bigint): bigint {
    return this.value(address, 8);
  }

  /** The text up to a byte 0. @param most bytes */
  text(address: number | bigint, most = 256): string {
    const bytes: number[] = [];
    for (let at = BigInt(address); bytes.length < most; at++) {
      const byte = this.u8(at);
      if (byte === 0) break;
      bytes.push(byte);
    }
    return Buffer.from(bytes).toString();
  }

  private value(address: number | bigint, length: number): bigint {
    return this.read(address, length).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }
}
