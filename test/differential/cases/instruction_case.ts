// SPDX-License-Identifier: LGPL-2.1-only
import { localSegment } from './local_segments.js';
import { MemoryMap } from './memory_map.js';

/** One instruction of a case. */
export interface CaseInstruction {
  /** Name of the form of the instruction table that it is meant to exercise. */
  readonly form: string;
  /** Name of the semantics function: rules for undefined flags go by it. */
  readonly semantics: string;
  readonly bytes: readonly number[];
  /** Flags (bits of RFLAGS) that are undefined after it. */
  readonly undefinedFlags: number;
}

/** The code and the initial state of a case, the same natively and on the core. */
export interface InstructionCase {
  readonly instructions: readonly CaseInstruction[];
  /** Offset of the first instruction in the code region. */
  readonly codeOffset: number;
  /** RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15, each as low and high half. */
  readonly registers: Uint32Array;
  readonly rflags: number;
  /** Contents of the data window. */
  readonly window: Uint8Array;
  /** FXSAVE image of 512 bytes, when the x87 and SSE state takes part. */
  readonly fx?: Uint8Array;
  /** Segments of 16- and 32-bit code; 64-bit code has none. FS and GS are then null. */
  readonly segments?: CaseSegments;
}

/** Selectors of the LDT (local_segments.ts), or null ones. */
export interface CaseSegments {
  readonly cs: number;
  readonly ss: number;
  readonly ds: number;
  readonly es: number;
}

/** How a case ended. */
export enum Outcome {
  /** It ran to the end of its instructions. */
  Completed = 0,
  /** An exception (which may be the INT3 of the filler, after a branch). */
  Exception = 1,
  /** It did not end. */
  Timeout = 2,
}

/** The state after a case. */
export interface CaseResult {
  readonly outcome: Outcome;
  /** Vector, error code and (page faults) address; 0 when there was no exception. */
  readonly vector: number;
  readonly errorCode: number;
  readonly faultAddress: bigint;
  /** As in InstructionCase. */
  readonly registers: Uint32Array;
  readonly rflags: number;
  readonly rip: bigint;
  /** First changed byte of the data pages, as an offset, and the bytes from there to the last changed one; empty when none changed. */
  readonly changedOffset: number;
  readonly changed: Uint8Array;
  readonly fx?: Uint8Array;
  /** CS SS DS ES FS GS, of cases with segments. */
  readonly selectors?: readonly number[];
}

/** Register as a number of 64 bits. */
export function register(registers: Uint32Array, index: number): bigint {
  return (BigInt(registers[2 * index + 1]!) << 32n) | BigInt(registers[2 * index]!);
}

/** Sets a register from a number of 64 bits. */
export function setRegister(registers: Uint32Array, index: number, value: bigint): void {
  registers[2 * index] = Number(BigInt.asUintN(32, value));
  registers[2 * index + 1] = Number(BigInt.asUintN(32, value >> 32n));
}

/** RIP of an instruction of a case; with the number of instructions as index, the RIP after the last one. */
export function addressOf(testCase: InstructionCase, index: number): bigint {
  return BigInt(lowAddressOf(testCase, index));
}

/** The same as a number: all code lies below 4 GiB. */
export function lowAddressOf(testCase: InstructionCase, index: number): number {
  const base = testCase.segments ? localSegment(testCase.segments.cs).base : 0;
  return (MemoryMap.code - base + offsetInCode(testCase, index)) >>> 0;
}

/** Offset of an instruction of a case in the code region. */
export function offsetInCode(testCase: InstructionCase, index: number): number {
  let offset = testCase.codeOffset;
  for (let i = 0; i < index; i++) offset += testCase.instructions[i]!.bytes.length;
  return offset;
}

/** Size of a case's code. */
export function bitsOf({ segments }: InstructionCase): 16 | 32 | 64 {
  if (!segments) return 64;
  return localSegment(segments.cs).wide ? 32 : 16;
}

/** All bytes of a case's instructions. */
export function codeOf({ instructions }: InstructionCase): number[] {
  return instructions.flatMap(({ bytes }) => bytes);
}

/** How many bytes they are. */
export const codeLength = (testCase: InstructionCase): number =>
  offsetInCode(testCase, testCase.instructions.length) - testCase.codeOffset;

/** Writes them into memory. */
export function writeCode({ instructions }: InstructionCase, into: Uint8Array, start: number): void {
  let at = start;
  for (const { bytes } of instructions) for (const byte of bytes) into[at++] = byte;
}
