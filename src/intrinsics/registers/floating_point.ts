// SPDX-License-Identifier: LGPL-2.1-only

/** Flags of floating-point exceptions: the same bits in MXCSR and in the x87 status word, and masks in the x87 control word. */
export const FloatException = {
  InvalidOperation: 1 << 0,
  DenormalOperand: 1 << 1,
  DivideByZero: 1 << 2,
  Overflow: 1 << 3,
  Underflow: 1 << 4,
  Precision: 1 << 5,
  /** Found before the operation is done. SDM 1 "Floating-Point Exception Priority". */
  Before: 7,
  All: 0x3f,
} as const;

/** SDM 1 "x87 FPU Status Register", except the exception flags. */
export const X87Status = {
  StackFault: 1 << 6,
  ErrorSummary: 1 << 7,
  ConditionCode0: 1 << 8,
  ConditionCode1: 1 << 9,
  ConditionCode2: 1 << 10,
  Top: 7 << 11,
  ConditionCode3: 1 << 14,
  Busy: 1 << 15,
} as const;

/** SDM 1 "x87 FPU Control Word", except the exception masks. */
export const X87Control = {
  /** Reads as 1. */
  Reserved: 1 << 6,
  PrecisionControl: 3 << 8,
  RoundingControl: 3 << 10,
  InfinityControl: 1 << 12,
} as const;

/** The opcode of the last x87 instruction: 11 bits. SDM 1 "Last Instruction Opcode". */
export const X87Opcode = { Bits: 0x7ff } as const;

/** SDM 1 "MXCSR Control and Status Register", except the exception flags. */
export const Mxcsr = {
  DenormalsAreZeros: 1 << 6,
  Masks: 0x3f << 7,
  RoundingControl: 3 << 13,
  FlushToZero: 1 << 15,
} as const;
