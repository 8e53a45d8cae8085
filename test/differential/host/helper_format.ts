// SPDX-License-Identifier: LGPL-2.1-only
// What the native helper reads and writes; native/oracle.c describes the same.
import { fromHalves } from '../../../src/machine/processor/halves.js';
import {
  codeLength,
  lowAddressOf,
  type CaseInstruction,
  type CaseResult,
  type InstructionCase,
  writeCode,
} from '../cases/instruction_case.js';
import { countsPages, localSegments } from '../cases/local_segments.js';
import { MemoryMap } from '../cases/memory_map.js';

/** Offsets in a batch. */
const Batch = { count: 0, seed: 4, descriptorCount: 8, needsDescriptors: 12, descriptors: 16 } as const;
/** Offsets in the structure user_desc of Linux, asm/ldt.h. */
const Descriptor = { index: 0, base: 4, limit: 8, bits: 12, bytes: 16 } as const;
const casesAt = Batch.descriptors + localSegments.length * Descriptor.bytes;
/** Offsets in a case. */
const Case = {
  flags: 0,
  codeOffset: 4,
  codeLength: 8,
  ip: 12,
  registers: 16,
  rflags: 144,
  selectors: 152,
  code: 160,
  window: 256,
  fx: 512,
  bytes: 1024,
} as const;
/** Offsets in a result; the FXSAVE image and the changed bytes follow it. */
const Result = {
  outcome: 0,
  vector: 4,
  errorCode: 8,
  changedLength: 12,
  registers: 16,
  rflags: 144,
  rip: 152,
  faultAddress: 160,
  changedOffset: 168,
  selectors: 176,
  bytes: 256,
} as const;
const CODE_BYTES = Case.window - Case.code;
const REGISTER_WORDS = 32;
const FX_BYTES = 512;
const FLAG_FX = 2;
const FLAG_SEGMENTS = 4;
const SELECTORS = 6;

/** A batch of cases as the helper reads it. `seed` fills the data pages. */
export function encodeCases(cases: readonly InstructionCase[], seed: number): Buffer {
  const input = Buffer.alloc(casesAt + cases.length * Case.bytes);
  input.writeUInt32LE(cases.length, Batch.count);
  input.writeUInt32LE(seed >>> 0, Batch.seed);
  encodeDescriptors(cases, input);
  const words = new Uint32Array(input.buffer, input.byteOffset, input.length / 4);
  cases.forEach((testCase, index) => encodeCase(testCase, input, words, casesAt + index * Case.bytes));
  return input;
}

/** The LDT, and whether a case needs it: not every kernel has one. */
function encodeDescriptors(cases: readonly InstructionCase[], input: Buffer): void {
  input.writeUInt32LE(localSegments.length, Batch.descriptorCount);
  input.writeUInt32LE(Number(cases.some(({ segments }) => segments)), Batch.needsDescriptors);
  localSegments.forEach((segment, index) => {
    const into = input.subarray(Batch.descriptors + index * Descriptor.bytes);
    const contents = { data: 0, 'expand-down data': 1, code: 2 }[segment.kind];
    into.writeUInt32LE(index, Descriptor.index);
    into.writeUInt32LE(segment.base, Descriptor.base);
    into.writeUInt32LE(countsPages(segment) ? segment.limit >>> 12 : segment.limit, Descriptor.limit);
    into.writeUInt32LE(
      Number(segment.wide) |
        (contents << 1) |
        (Number(!segment.accessible) << 3) |
        (Number(countsPages(segment)) << 4) |
        (Number(!segment.present) << 5),
      Descriptor.bits,
    );
  });
}

/** @param input zeros from `at` on. */
function encodeCase(testCase: InstructionCase, input: Buffer, words: Uint32Array, at: number): void {
  const { fx, segments } = testCase;
  const length = codeLength(testCase);
  if (length > CODE_BYTES) throw new RangeError(`${length} bytes of code do not fit a case`);
  writeCode(testCase, input, at + Case.code);
  words[(at + Case.flags) / 4] = (fx ? FLAG_FX : 0) | (segments ? FLAG_SEGMENTS : 0);
  words[(at + Case.codeOffset) / 4] = testCase.codeOffset;
  words[(at + Case.codeLength) / 4] = length;
  words.set(testCase.registers, (at + Case.registers) / 4);
  words[(at + Case.rflags) / 4] = testCase.rflags;
  if (segments) {
    const { cs, ss, ds, es } = segments;
    words[(at + Case.ip) / 4] = lowAddressOf(testCase, 0);
    words[(at + Case.selectors) / 4] = cs | (ss << 16);
    words[(at + Case.selectors) / 4 + 1] = ds | (es << 16);
  }
  input.set(testCase.window, at + Case.window);
  if (fx) input.set(fx, at + Case.fx);
}

/** The case at an index of a batch. @param instructions its instructions, of which the batch has only the bytes. */
export function decodeCase(batch: Buffer, index: number, instructions: readonly InstructionSummary[]): InstructionCase {
  const at = casesAt + index * Case.bytes;
  const from = batch.subarray(at, at + Case.bytes);
  let next: number = Case.code;
  const withBytes = instructions.map(({ length, ...others }): CaseInstruction => {
    next += length;
    return { ...others, bytes: [...from.subarray(next - length, next)] };
  });
  const flags = from.readUInt32LE(Case.flags);
  const selector = (i: number): number => from.readUInt16LE(Case.selectors + 2 * i);
  return {
    instructions: withBytes,
    codeOffset: from.readUInt32LE(Case.codeOffset),
    registers: words(from, Case.registers),
    rflags: from.readUInt32LE(Case.rflags),
    window: copyOf(from, Case.window, MemoryMap.windowBytes),
    ...(flags & FLAG_FX ? { fx: copyOf(from, Case.fx, FX_BYTES) } : {}),
    ...(flags & FLAG_SEGMENTS
      ? { segments: { cs: selector(0), ss: selector(1), ds: selector(2), es: selector(3) } }
      : {}),
  };
}

/** An instruction of a case, with the length of its bytes instead of them. */
export type InstructionSummary = Omit<CaseInstruction, 'bytes'> & { readonly length: number };

/** The results of a batch, as the helper writes them. Their arrays are parts of the output. */
export function decodeResults(output: Buffer, cases: readonly InstructionCase[]): CaseResult[] {
  // words lie at multiples of 4 in memory
  const aligned = output.byteOffset % 4 === 0 ? output : Buffer.from(Uint8Array.from(output).buffer);
  let at = 4;
  return cases.map((testCase) => {
    const from = at;
    at += Result.bytes + (testCase.fx ? FX_BYTES : 0);
    if (at <= aligned.length) at += (aligned.readUInt32LE(from + Result.changedLength) + 7) & ~7;
    if (at > aligned.length) throw new RangeError('there are fewer results than cases');
    return decodeResult(aligned, from, testCase);
  });
}

function decodeResult(output: Buffer, at: number, { fx, segments }: InstructionCase): CaseResult {
  const start = output.byteOffset + at;
  const words = new Uint32Array(output.buffer, start, Result.bytes / 4);
  const changedAt = start + Result.bytes + (fx ? FX_BYTES : 0);
  const result: Mutable<CaseResult> = {
    outcome: words[Result.outcome / 4]!,
    vector: words[Result.vector / 4]!,
    errorCode: words[Result.errorCode / 4]!,
    registers: words.subarray(Result.registers / 4, Result.registers / 4 + REGISTER_WORDS),
    rflags: words[Result.rflags / 4]!,
    rip: pairAt(words, Result.rip / 4),
    faultAddress: pairAt(words, Result.faultAddress / 4),
    changedOffset: words[Result.changedOffset / 4]!,
    changed: new Uint8Array(output.buffer, changedAt, words[Result.changedLength / 4]!),
  };
  if (fx) result.fx = new Uint8Array(output.buffer, start + Result.bytes, FX_BYTES);
  if (segments) {
    const selectors: number[] = [];
    for (let i = 0; i < SELECTORS; i++) selectors.push(output.readUInt16LE(at + Result.selectors + 2 * i));
    result.selectors = selectors;
  }
  return result;
}

/** Results as the helper writes them. */
export function encodeResults(results: readonly CaseResult[], cases: readonly InstructionCase[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(results.length);
  return Buffer.concat([count, ...results.map((result, i) => encodeResult(result, cases[i]!.fx !== undefined))]);
}

function encodeResult(result: CaseResult, hasFx: boolean): Buffer {
  const changedAt = Result.bytes + (hasFx ? FX_BYTES : 0);
  const into = Buffer.alloc(changedAt + ((result.changed.length + 7) & ~7));
  into.writeUInt32LE(result.outcome, Result.outcome);
  into.writeUInt32LE(result.vector, Result.vector);
  into.writeUInt32LE(result.errorCode, Result.errorCode);
  into.writeUInt32LE(result.changed.length, Result.changedLength);
  into.set(bytesOf(result.registers), Result.registers);
  into.writeUInt32LE(result.rflags, Result.rflags);
  into.writeBigUInt64LE(result.rip, Result.rip);
  into.writeBigUInt64LE(result.faultAddress, Result.faultAddress);
  into.writeUInt32LE(result.changedOffset, Result.changedOffset);
  if (hasFx) into.set(result.fx!, Result.bytes);
  result.selectors?.forEach((selector, i) => into.writeUInt16LE(selector, Result.selectors + 2 * i));
  into.set(result.changed, changedAt);
  return into;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

const pairAt = (words: Uint32Array, index: number): bigint => fromHalves(words[index]!, words[index + 1]!);

function words(from: Buffer, at: number): Uint32Array {
  return Uint32Array.from({ length: REGISTER_WORDS }, (_, i) => from.readUInt32LE(at + 4 * i));
}

function copyOf(from: Buffer, at: number, length: number): Uint8Array {
  return Uint8Array.prototype.slice.call(from, at, at + length);
}
