// SPDX-License-Identifier: LGPL-2.1-only
import { symbolText } from '../../intrinsics/texts/symbol_place.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { GuestSymbols } from '../symbols/guest_symbols.js';
import type { VirtualMemory } from '../symbols/virtual_memory.js';
import { addressMode, type ExecutionState } from './execution_state.js';

/** What is on a stack and looks like a return address. Values are plain; 64-bit numbers are hexadecimal text with 0x. */
export interface ReturnAddress {
  readonly address: string;
  /** As in `name+0x1a`. */
  readonly symbol: string;
}

/** So much of the stack is looked at, in bytes, and so many addresses are reported at most. */
const STACK_BYTES = 8192n;
const MOST_ADDRESSES = 12;
/** Values that may be looked up: a guest can fill its stack with addresses that have no name. */
const MOST_LOOKUPS = 64;

const CALL_RELATIVE = 0xe8;
const CALL_RELATIVE_BYTES = 5;
/** FF /2. SDM 2A "CALL—Call Procedure". */
const CALL_INDIRECT = 0xff;
const CALL_EXTENSION = 2;
const SHORTEST_INDIRECT = 2;
const LONGEST_INDIRECT = 7;

/** Bytes of an instruction of the form FF /2, after its opcode is known. SDM 2A "ModR/M and SIB Bytes". */
function indirectBytes(modRm: number, sib: number): number {
  const [mod, rm] = [modRm >> 6, modRm & 7];
  if (mod === 3) return 2;
  const hasSib = rm === 4;
  const base = hasSib ? sib & 7 : rm;
  const displacement = mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0;
  return 2 + (hasSib ? 1 : 0) + displacement;
}

/** Whether the instruction before an address could be a CALL. */
function isAfterCall(memory: VirtualMemory, address: bigint): boolean {
  if (memory.u8(address - BigInt(CALL_RELATIVE_BYTES)) === CALL_RELATIVE) return true;
  for (let bytes = SHORTEST_INDIRECT; bytes <= LONGEST_INDIRECT; bytes++) {
    const at = address - BigInt(bytes);
    if (memory.u8(at) !== CALL_INDIRECT) continue;
    const modRm = memory.u8(at + 1n);
    if (((modRm >> 3) & 7) === CALL_EXTENSION && indirectBytes(modRm, memory.u8(at + 2n)) === bytes) return true;
  }
  return false;
}

/**
 * Values on the stack of 64-bit software that are behind a CALL in code with a name, the innermost first. Without the compiler's tables nobody knows which
 * of them are of functions that have returned.
 */
export function returnAddresses(symbols: GuestSymbols, memory: VirtualMemory, state: ExecutionState): ReturnAddress[] {
  const found: ReturnAddress[] = [];
  const stack = state.general.find(([name]) => name === 'RSP')![1];
  if (addressMode(state).bits !== 64 || stack % 8n !== 0n) return found;
  let lookups = 0;
  for (let at = stack; at < stack + STACK_BYTES && found.length < MOST_ADDRESSES && lookups < MOST_LOOKUPS; at += 8n) {
    if (memory.physical(BigInt.asUintN(64, at)) < 0) break;
    const address = memory.u64(at);
    if (!isAfterCall(memory, address)) continue;
    // What follows the CALL of a function that never returns may belong to the next symbol.
    lookups++;
    const place = symbols.find(address - 1n);
    if (place === undefined) continue;
    found.push({ address: hex(address), symbol: symbolText({ ...place, offset: place.offset + 1n }) });
  }
  return found;
}
