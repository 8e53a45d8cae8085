// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryMap } from '../cases/memory_map.js';

/** ENTER's operands and the registers that it starts from. */
export interface EnterOperands {
  /** Bytes of a word on the stack: 2 or 8. */
  readonly bytes: number;
  readonly level: number;
  readonly rsp: bigint;
  readonly rbp: bigint;
}

const end = BigInt(MemoryMap.data + MemoryMap.dataBytes);
const writableEnd = BigInt(MemoryMap.data + MemoryMap.writableBytes);

const isIn = (address: bigint, bytes: number, limit: bigint): boolean =>
  address >= BigInt(MemoryMap.data) && address + BigInt(bytes) <= limit;

function read(data: Uint8Array, address: bigint, bytes: number): bigint {
  let value = 0n;
  const at = Number(address) - MemoryMap.data;
  for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(data[at + i]!);
  return value;
}

function write(data: Uint8Array, address: bigint, value: bigint, bytes: number): void {
  const at = Number(address) - MemoryMap.data;
  for (let i = 0; i < bytes; i++) data[at + i] = Number((value >> BigInt(8 * i)) & 255n);
}

/**
 * Writes the words that ENTER pushes until a read or a push meets memory that is not there, in the order of the manual's "Operation": the old
 * frame pointer, the outer frame pointers of the display, the new frame pointer. SDM 2A "ENTER—Make Stack Frame for Procedure Parameters".
 * @param data the data pages of MemoryMap, which it changes.
 */
export function pushEnterWords(data: Uint8Array, { bytes, level, rsp, rbp }: EnterOperands): void {
  const step = BigInt(bytes);
  let stack = rsp;
  let frame = rbp;
  const push = (value: bigint): boolean => {
    stack = BigInt.asUintN(64, stack - step);
    if (!isIn(stack, bytes, writableEnd)) return false;
    write(data, stack, value, bytes);
    return true;
  };
  if (!push(rbp)) return;
  const newFrame = stack;
  for (let i = 1; i < level; i++) {
    frame = BigInt.asUintN(64, frame - step);
    if (!isIn(frame, bytes, end)) return;
    if (!push(read(data, frame, bytes))) return;
  }
  if (level > 0) push(newFrame);
}
