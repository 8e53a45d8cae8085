// SPDX-License-Identifier: LGPL-2.1-only

/** How the decoder finds an operand; numbers are shared with decode.ts through generated constants. */
export const OperandCode = {
  None: 0,
  Rm8: 1,
  Rm: 2,
  Reg8: 3,
  Reg: 4,
  Op8: 5,
  Op: 6,
  Imm8: 7,
  SImm8: 8,
  Imm16: 9,
  ImmZ: 10,
  ImmV: 11,
  Jb: 12,
  Jz: 13,
  Moffs: 14,
  Far: 15,
  XmmReg: 16,
  XmmRm: 17,
  MmxReg: 18,
  MmxRm: 19,
  SegmentRegister: 20,
  ControlRegister: 21,
  DebugRegister: 22,
  StackRegister: 23,
  SecondImm8: 24,
  StringSource: 25,
  Vvvv: 26,
  Fixed: 32,
  FixedHigh: 48,
} as const;

/** What an operand can be for the semantics. */
export type OperandShape =
  'register' | 'memory' | 'either' | 'immediate' | 'number' | 'fixed' | 'one' | 'far' | 'none' | 'branch';

/** One operand of a row, parsed. */
export interface Operand {
  readonly text: string;
  readonly shape: OperandShape;
  readonly code: number;
  /** Size letter: b w d q v z y, or '' where it has none; type holds fixed types. */
  readonly size: '' | 'v' | 'z' | 'y' | 'fixed';
  /** AssemblyScript type where size is 'fixed'. */
  readonly type: string;
  /** Takes part in ModRM.rm. */
  readonly usesModrm: boolean;
  /** mod must be 3, must not be 3, or may be either. */
  readonly mod: 'any' | 'register' | 'memory';
  /** Immediate of 64 bits (Iv). */
  readonly isWide: boolean;
}

const integerTypes: Readonly<Record<string, string>> = {
  b: 'u8',
  w: 'u16',
  d: 'u32',
  q: 'u64',
  ss: 'u32',
  sd: 'u64',
  si: 'u32',
};
const general = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const bytes = ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH'];

interface Fixed {
  readonly code: number;
  readonly size: Operand['size'];
  readonly type: string;
}

/** AL, DX, rAX …: number of the register and its size; undefined when the text names none. */
function fixedRegister(text: string): Fixed | undefined {
  const eight = bytes.indexOf(text);
  if (eight >= 4) return { code: OperandCode.FixedHigh + eight - 4, size: 'fixed', type: 'u8' };
  if (eight >= 0) return { code: OperandCode.Fixed + eight, size: 'fixed', type: 'u8' };
  const letter = text.length === 3 ? text[0]! : '';
  const index = general.indexOf(letter === '' ? text : text.slice(1));
  if (index < 0 || !'rReE'.includes(letter)) return undefined;
  const sizes: Readonly<Record<string, readonly [Operand['size'], string]>> = {
    r: ['v', ''],
    e: ['z', ''],
    '': ['fixed', 'u16'],
    E: ['fixed', 'u32'],
    R: ['fixed', 'u64'],
  };
  const [size, type] = sizes[letter]!;
  return { code: OperandCode.Fixed + index, size, type };
}

function sizeOf(letter: string, suffix: string): { size: Operand['size']; type: string } {
  if (suffix === 'v' || suffix === 'z' || suffix === 'y') return { size: suffix, type: '' };
  if (suffix in integerTypes) return { size: 'fixed', type: integerTypes[suffix]! };
  if (['dq', 'x', 'ps', 'pd', 'pi', 'qq'].includes(suffix))
    return { size: 'fixed', type: 'PQN'.includes(letter) || suffix === 'pi' ? 'u64' : 'v128' };
  return { size: '', type: '' };
}

const immediates: Readonly<Record<string, number>> = {
  Ib: OperandCode.Imm8,
  sIb: OperandCode.SImm8,
  Iw: OperandCode.Imm16,
  Iz: OperandCode.ImmZ,
  Iv: OperandCode.ImmV,
};

interface Letter {
  readonly shape: OperandShape;
  readonly code: number;
  readonly byteCode?: number;
  readonly mod?: Operand['mod'];
  readonly modrm?: boolean;
}

const letters: Readonly<Record<string, Letter>> = {
  E: { shape: 'either', code: OperandCode.Rm, byteCode: OperandCode.Rm8, modrm: true },
  R: { shape: 'register', code: OperandCode.Rm, byteCode: OperandCode.Rm8, mod: 'register', modrm: true },
  M: { shape: 'memory', code: OperandCode.Rm, mod: 'memory', modrm: true },
  G: { shape: 'register', code: OperandCode.Reg, byteCode: OperandCode.Reg8, modrm: true },
  B: { shape: 'register', code: OperandCode.Vvvv },
  Z: { shape: 'register', code: OperandCode.Op, byteCode: OperandCode.Op8 },
  O: { shape: 'memory', code: OperandCode.Moffs },
  A: { shape: 'far', code: OperandCode.Far },
  J: { shape: 'branch', code: OperandCode.Jz, byteCode: OperandCode.Jb },
  X: { shape: 'none', code: OperandCode.StringSource },
  Y: { shape: 'none', code: OperandCode.None },
  S: { shape: 'number', code: OperandCode.SegmentRegister, modrm: true },
  C: { shape: 'number', code: OperandCode.ControlRegister, modrm: true },
  D: { shape: 'number', code: OperandCode.DebugRegister, modrm: true },
  V: { shape: 'register', code: OperandCode.XmmReg, modrm: true },
  W: { shape: 'either', code: OperandCode.XmmRm, modrm: true },
  U: { shape: 'register', code: OperandCode.XmmRm, mod: 'register', modrm: true },
  P: { shape: 'register', code: OperandCode.MmxReg, modrm: true },
  Q: { shape: 'either', code: OperandCode.MmxRm, modrm: true },
  N: { shape: 'register', code: OperandCode.MmxRm, mod: 'register', modrm: true },
};

/** Parses one operand of row.ts's notation. Throws SyntaxError for an unknown one. */
export function parseOperand(text: string): Operand {
  const base = { text, usesModrm: false, mod: 'any' as const, isWide: false };
  if (text === '1') return { ...base, shape: 'one', code: OperandCode.None, size: '', type: '' };
  if (text === 'ST' || text === 'ST(0)' || text === 'ST0')
    return { ...base, shape: 'none', code: OperandCode.None, size: '', type: '' };
  if (text === 'ST(i)' || text === 'STi')
    return { ...base, shape: 'number', code: OperandCode.StackRegister, size: '', type: '' };
  const fixed = fixedRegister(text);
  if (fixed) return { ...base, shape: 'fixed', ...fixed };
  if (text in immediates) {
    return {
      ...base,
      shape: 'immediate',
      code: immediates[text]!,
      ...sizeOf('I', text === 'Iz' ? 'v' : text.at(-1)!),
      isWide: text === 'Iv',
    };
  }
  const letter = letters[text[0]!];
  if (!letter) throw new SyntaxError(`operand '${text}' is unknown`);
  const { size, type } = sizeOf(text[0]!, text.slice(1));
  const code = type === 'u8' && letter.byteCode !== undefined ? letter.byteCode : letter.code;
  return { ...base, shape: letter.shape, code, size, type, usesModrm: letter.modrm ?? false, mod: letter.mod ?? 'any' };
}
