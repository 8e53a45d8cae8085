// SPDX-License-Identifier: LGPL-2.1-only
// The numbers of WebAssembly's binary format that the cutter of templates and the run-time compiler know, by the names of the specification's
// "Binary Format".

/** What every module begins with: "\0asm", version 1. */
export const MODULE_HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const;

/** Ids of sections. */
export const Section = { Type: 1, Import: 2, Function: 3, Export: 7, Element: 9, Code: 10 } as const;

/** What is imported or exported. */
export const ExternalKind = { Function: 0, Table: 1, Memory: 2 } as const;

/** Value types of WebAssembly. */
export const ValueType = { I32: 0x7f, I64: 0x7e, V128: 0x7b } as const;

/** Begins a function type. */
export const FUNCTION_TYPE = 0x60;

/** The type of references to functions, which tables hold. */
export const FUNCTION_REFERENCE = 0x70;

/** Ends a constant expression. */
export const EXPRESSION_END = 0x0b;

/** The type of a block without a result. */
export const EMPTY_BLOCK = 0x40;

/** Instructions. */
export const Opcode = {
  Unreachable: 0x00,
  Block: 0x02,
  Loop: 0x03,
  If: 0x04,
  End: 0x0b,
  Br: 0x0c,
  BrIf: 0x0d,
  BrTable: 0x0e,
  Return: 0x0f,
  Call: 0x10,
  CallIndirect: 0x11,
  ReturnCallIndirect: 0x13,
  Select: 0x1b,
  LocalGet: 0x20,
  LocalSet: 0x21,
  LocalTee: 0x22,
  GlobalGet: 0x23,
  GlobalSet: 0x24,
  I32Load: 0x28,
  I64Load: 0x29,
  I32Load8U: 0x2d,
  I32Load16U: 0x2f,
  I32Store: 0x36,
  I64Store: 0x37,
  I64Store8: 0x3c,
  I32Store16: 0x3b,
  I64Store16: 0x3d,
  I64Store32: 0x3e,
  MemorySize: 0x3f,
  MemoryGrow: 0x40,
  I32Const: 0x41,
  I64Const: 0x42,
  F32Const: 0x43,
  F64Const: 0x44,
  I32Eqz: 0x45,
  I64Eqz: 0x50,
  I32Ne: 0x47,
  I64Ne: 0x52,
  I64LtU: 0x54,
  I32GtS: 0x4a,
  I32LeS: 0x4c,
  I32Add: 0x6a,
  I32Sub: 0x6b,
  I32And: 0x71,
  I32Or: 0x72,
  I64Add: 0x7c,
  I64And: 0x83,
  I64Or: 0x84,
  I64Xor: 0x85,
  I64Shl: 0x86,
  I64ShrU: 0x88,
  I32WrapI64: 0xa7,
  I64ExtendI32U: 0xad,
  /** Begins instructions of two numbers; from here on opcodes are prefixes. */
  NumericPrefix: 0xfc,
  VectorPrefix: 0xfd,
} as const;

/** Vector instructions that have an immediate: the number behind Opcode.VectorPrefix. */
export const VectorOpcode = {
  V128Load: 0,
  V128Store: 11,
  V128Const: 12,
  I8x16Shuffle: 13,
  I8x16ExtractLaneS: 21,
  F64x2ReplaceLane: 34,
  V128Load8Lane: 84,
  V128Store8Lane: 88,
  V128Store64Lane: 91,
  V128Load32Zero: 92,
  V128Load64Zero: 93,
} as const;
