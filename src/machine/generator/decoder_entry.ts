// SPDX-License-Identifier: LGPL-2.1-only
// The entries of the decoder's table: one for each way to match an opcode. emit_decoder.ts writes them, and the core's decode.ts reads them. Both
// take offsets and bits from here.

/** Bytes of one entry. */
export const ENTRY_BYTES = 12;

/** Offsets in an entry. */
export const EntryField = {
  /** u8: the mandatory prefixes that match, PrefixMask. */
  Prefixes: 0,
  /** u8: EntryMatch. */
  Match: 1,
  /** u8: what ModRM, or its reg field, must be. */
  Modrm: 2,
  /** u8: EntryOption. */
  Options: 3,
  /** 4 × u8: operand codes. */
  Operands: 4,
  /** u16: index of the first form. */
  Forms: 8,
  /** u8: EntryForms, and the size rule. */
  Choice: 10,
} as const;

/** Bits of EntryField.Match. */
export const EntryMatch = {
  HasModrm: 1 << 0,
  /** ModRM.reg must be EntryField.Modrm. */
  Digit: 1 << 1,
  /** The ModRM byte must be EntryField.Modrm. */
  Exact: 1 << 2,
  /** Only its upper five bits must. */
  RegisterInModrm: 1 << 3,
  /** ModRM.mod must be 3. */
  RegisterOnly: 1 << 4,
  /** ModRM.mod must not be 3. */
  MemoryOnly: 1 << 5,
  /** REX.B must be 0: with it another entry of the opcode matches. */
  WithoutRexB: 1 << 6,
  /** ModRM.mod is ignored: always a register. */
  IgnoresMod: 1 << 7,
} as const;

/** Bits of EntryField.Options. */
export const EntryOption = {
  In64: 1 << 0,
  Outside64: 1 << 1,
  Lockable: 1 << 2,
  /** The operand size is 64 bits in 64-bit mode, or 16 by prefix. */
  Default64: 1 << 3,
  /** The operand size is 64 bits in 64-bit mode. */
  Force64: 1 << 4,
  UsesStack: 1 << 5,
  /** The memory operand is an offset without a segment. */
  OffsetOnly: 1 << 6,
  /** rSP as the base of the memory operand counts as incremented. */
  IncrementedStack: 1 << 7,
} as const;

/** Bits of EntryField.Choice: the dimensions in which a row has several forms, then the size rule. */
export const EntryForms = {
  ByKind: 1 << 0,
  BySize: 1 << 1,
  ByAddress: 1 << 2,
  ByRep: 1 << 3,
} as const;

/** The bit at which the size rule begins in EntryField.Choice. */
export const SIZE_RULE_SHIFT = 4;

/** The size rule: the sizes that have forms. */
export const SizeRule = {
  /** 16, 32 and 64 bits. */
  V: 0,
  /** 16 and 32 bits; the 32-bit form also serves 64. */
  Z: 1,
  /** 32 and 64 bits by REX.W. */
  Y: 2,
} as const;

/** Form id of a combination that cannot be encoded. */
export const NO_FORM = 0xffff;

/** Whether a form's block goes on. */
export const Ending = {
  /** It goes on. */
  GoesOn: 0,
  /** It goes on after a NEXT record. */
  Branches: 1,
  /** It ends. */
  Ends: 2,
} as const;

/** Legacy prefixes. SDM 2A "Instruction Prefixes". */
export const Prefix = {
  Es: 0x26,
  Cs: 0x2e,
  Ss: 0x36,
  Ds: 0x3e,
  Fs: 0x64,
  Gs: 0x65,
  OperandSize: 0x66,
  AddressSize: 0x67,
  Lock: 0xf0,
  Vex3: 0xc4,
  Vex2: 0xc5,
  Repne: 0xf2,
  Rep: 0xf3,
} as const;

/** REX prefixes, 40H to 4FH. SDM 2A "REX Prefixes". */
export const Rex = { Mask: 0xf0, First: 0x40, B: 1 << 0, X: 1 << 1, R: 1 << 2, W: 1 << 3 } as const;

/** The last bytes of a VEX prefix. R, X, B and vvvv are stored inverted. SDM 2A "The VEX Prefix". */
export const Vex = {
  /** Both bits are 1 outside 64-bit mode: otherwise C4H and C5H are LES and LDS. */
  NotLoad: 0xc0,
  R: 1 << 7,
  X: 1 << 6,
  B: 1 << 5,
  Map: 0x1f,
  W: 1 << 7,
  Vvvv: 0x78,
  L: 1 << 2,
  Prefix: 3,
} as const;

/** The byte that leads from each map of opcodes to the next, and what the decoder adds to the byte after it. SDM 2A "Opcodes". */
export const OpcodeMap = {
  Escape: 0x0f,
  Escape38: 0x38,
  Escape3a: 0x3a,
  TwoByte: 0x100,
  ThreeByte38: 0x200,
  ThreeByte3a: 0x300,
  /** What VEX.mmmmm = 1 leads to; 2 and 3 follow. */
  Vex: 0x400,
} as const;

/** Sizes of operands and addresses as the decoder counts them; forms come in this order. */
export const SizeIndex = { Bits16: 0, Bits32: 1, Bits64: 2 } as const;

/** The first ModRM byte whose operand is a register. */
export const MODRM_REGISTER = 0xc0;
