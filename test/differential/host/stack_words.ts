// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { addressOf, bitsOf, register, setRegister, type InstructionCase } from '../cases/instruction_case.js';
import { localSegment, type LocalSegment } from '../cases/local_segments.js';
import { isPrefix, operandSizePrefix } from '../cases/instruction_parts.js';
import { MemoryMap } from '../cases/memory_map.js';
import { Flag } from '../cases/undefined_flags.js';

const { rsp, rbp } = registerNumbers;

/** Instructions that use several words of the stack. */
export const usesStackWords = (semantics: string): boolean =>
  /^(ENTER|PUSHA|POPA|CALL_FAR|CALL_FAR_MEMORY)$/.test(semantics);

/**
 * Does what ENTER, PUSHA, POPA and far CALLs do with the stack until a read or a push meets memory that is not there, in the order of the manual's
 * "Operation": SDM 2A "ENTER—Make Stack Frame for Procedure Parameters", "CALL—Call Procedure", SDM 2B "PUSHA/PUSHAD", "POPA/POPAD".
 * @param data the data pages of MemoryMap, which it changes.
 * @param registers those before the instruction, which it changes.
 * @returns bytes of a word.
 */
export function useStackWords(
  data: Uint8Array,
  registers: Uint32Array,
  testCase: InstructionCase,
  index: number,
): number {
  const { bytes, semantics } = testCase.instructions[index]!;
  const opcode = bytes.findIndex((byte) => !isPrefix(byte));
  const stack = new Stack(data, testCase, bytes.slice(0, opcode).includes(operandSizePrefix), register(registers, rsp));
  if (semantics === 'ENTER') enter(stack, bytes.at(-1)! & 31, register(registers, rbp));
  else if (semantics === 'PUSHA') for (let i = 0; i < 8 && stack.push(register(registers, i)); i++);
  else if (semantics === 'POPA') popAll(stack, registers);
  else if (/^CALL(_INDIRECT)?$/.test(semantics)) {
    const { pointer } = stack;
    stack.push(addressOf(testCase, index + 1));
    stack.pointer = pointer;
  } else if (stack.push(BigInt(testCase.segments?.cs ?? MemoryMap.codeSelector)))
    stack.push(addressOf(testCase, index + 1));
  return stack.bytes;
}

/** Whether all that a far return to an outer level pops is on the stack: four words and the parameters. SDM 2B "RET—Return From Procedure". */
export function hasOuterFrame(testCase: InstructionCase, registers: Uint32Array, index: number): boolean {
  const { bytes, semantics } = testCase.instructions[index]!;
  const hasImmediate = semantics === 'RET_FAR_IMM';
  const hasSizePrefix = bytes.slice(0, hasImmediate ? -3 : -1).includes(operandSizePrefix);
  const stack = new Stack(new Uint8Array(0), testCase, hasSizePrefix, register(registers, rsp));
  const released = hasImmediate ? bytes.at(-2)! | (bytes.at(-1)! << 8) : 0;
  return stack.holds(4 * stack.bytes + released);
}

/** rDI first; the word of rSP is skipped. */
function popAll(stack: Stack, registers: Uint32Array): void {
  for (let i = 7; i >= 0; i--) {
    const value = stack.pop();
    if (value === undefined) return;
    if (i === rsp) continue;
    const before = register(registers, i);
    setRegister(registers, i, stack.bytes === 2 ? (before & ~0xffffn) | value : value);
  }
}

/** The old frame pointer, the outer frame pointers, the new frame pointer. */
function enter(stack: Stack, level: number, frame: bigint): void {
  if (!stack.push(frame)) return;
  const newFrame = stack.pointer;
  for (let i = 1; i < level; i++) {
    const outer = stack.read(frame - BigInt(i * stack.bytes));
    if (outer === undefined || !stack.push(outer)) return;
  }
  if (level > 0) stack.push(newFrame);
}

/** A stack in the data pages. */
class Stack {
  /** Bytes of a word. */
  readonly bytes: number;
  /** The stack pointer. */
  pointer: bigint;
  private readonly segment: LocalSegment | undefined;
  private readonly checksAlignment: boolean;
  /** The bits of the stack pointer that count. */
  private readonly mask: bigint;

  constructor(
    private readonly data: Uint8Array,
    testCase: InstructionCase,
    hasSizePrefix: boolean,
    stackPointer: bigint,
  ) {
    const bits = bitsOf(testCase);
    this.checksAlignment = (testCase.rflags & Flag.AC) !== 0;
    // 64-bit mode: ENTER; far CALLs have 32 bits, and do not fault in the middle for reasons of their own
    this.bytes = bits === 64 ? (hasSizePrefix ? 2 : 8) : (bits === 32) === hasSizePrefix ? 2 : 4;
    this.segment = testCase.segments && localSegment(testCase.segments.ss);
    this.mask = !this.segment ? 0xffffffffffffffffn : this.segment.wide ? 0xffffffffn : 0xffffn;
    this.pointer = stackPointer;
  }

  /** @returns false when the word has no place. */
  push(value: bigint): boolean {
    const pointer = (this.pointer & ~this.mask) | ((this.pointer - BigInt(this.bytes)) & this.mask);
    const at = this.place(pointer, MemoryMap.writableBytes);
    if (at === undefined) return false;
    for (let i = 0; i < this.bytes; i++) this.data[at + i] = Number((value >> BigInt(8 * i)) & 255n);
    this.pointer = pointer;
    return true;
  }

  /** Whether so many bytes at the stack pointer are inside the segment. */
  holds(bytes: number): boolean {
    return this.segment === undefined || isInside(this.segment, this.pointer & this.mask, bytes);
  }

  /** @returns undefined when there is no word. */
  pop(): bigint | undefined {
    const value = this.read(this.pointer);
    this.pointer = (this.pointer & ~this.mask) | ((this.pointer + BigInt(this.bytes)) & this.mask);
    return value;
  }

  /** A word at an offset in the stack, or undefined when there is none. */
  read(offset: bigint): bigint | undefined {
    const at = this.place(offset, MemoryMap.dataBytes);
    if (at === undefined) return undefined;
    return [...this.data.subarray(at, at + this.bytes)].reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** Where a word at an offset is in the data pages, of which so many bytes can be used. */
  private place(offset: bigint, usable: number): number | undefined {
    const first = offset & this.mask;
    if (this.segment && !isInside(this.segment, first, this.bytes)) return undefined;
    const linear = this.segment ? BigInt.asUintN(32, first + BigInt(this.segment.base)) : first;
    if (this.checksAlignment && linear % BigInt(this.bytes) !== 0n) return undefined;
    const at = linear - BigInt(MemoryMap.data);
    return at >= 0n && at + BigInt(this.bytes) <= BigInt(usable) ? Number(at) : undefined;
  }
}

/** SDM 3A "Limit Checking". */
function isInside(segment: LocalSegment, first: bigint, bytes: number): boolean {
  const last = first + BigInt(bytes - 1);
  if (segment.kind !== 'expand-down data') return last <= BigInt(segment.limit);
  return first > BigInt(segment.limit) && last <= (segment.wide ? 0xffffffffn : 0xffffn);
}
