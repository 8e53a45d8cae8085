// SPDX-License-Identifier: LGPL-2.1-only
import type { Vendor } from '../host/host_quirks.js';

/** Flags at their places in RFLAGS. */
export const Flag = {
  CF: 0x1,
  PF: 0x4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  DF: 0x400,
  OF: 0x800,
  AC: 0x40000,
} as const;

/** The six status flags. */
export const statusFlags = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

/** What a rule may look at: the vendor, the size in bits, and the shift count if it is known before the run. */
export interface FlagContext {
  readonly vendor: Vendor;
  readonly bits: number;
  readonly count: number | undefined;
}

type Rule = (context: FlagContext) => number;

const masked = ({ bits, count }: FlagContext): number | undefined =>
  count === undefined ? undefined : count & (bits === 64 ? 63 : 31);

/** SDM 2B "SAL/SAR/SHL/SHR—Shift": AF undefined; OF for counts other than 1; CF of SHL and SHR for counts not below the size. */
function shift(carryAlwaysDefined: boolean): Rule {
  return (context) => {
    const count = masked(context);
    if (count === undefined) return Flag.AF | Flag.OF | (carryAlwaysDefined || context.bits > 16 ? 0 : Flag.CF);
    if (count === 0) return 0;
    return Flag.AF | (count === 1 ? 0 : Flag.OF) | (carryAlwaysDefined || count < context.bits ? 0 : Flag.CF);
  };
}

/** SDM 2B "RCL/RCR/ROL/ROR—Rotate": OF for counts other than 1. */
const rotate: Rule = (context) => (masked(context) === 1 || masked(context) === 0 ? 0 : Flag.OF);

/** SDM 2B "SHLD", "SHRD": AF, and OF for counts other than 1. Counts above the size are not generated: they leave the result undefined too. */
const shiftDouble: Rule = (context) => (masked(context) === 0 ? 0 : Flag.AF | (masked(context) === 1 ? 0 : Flag.OF));

const constant =
  (flags: number): Rule =>
  () =>
    flags;
const logic = constant(Flag.AF);
const countZeros = constant(Flag.OF | Flag.SF | Flag.AF | Flag.PF);
/** Of BMI1 and BMI2. */
const lowest = constant(Flag.AF | Flag.PF);
/** ZF is unaffected by SDM 2A "BT—Bit Test", undefined by AMD's manual, volume 3, "BT". */
const bitTest: Rule = ({ vendor }) => Flag.OF | Flag.SF | Flag.AF | Flag.PF | (vendor === 'Intel' ? 0 : Flag.ZF);
const multiply = constant(Flag.SF | Flag.ZF | Flag.AF | Flag.PF);

/** Flags that the manuals call undefined (SDM "Flags Affected", AMD "rFLAGS Affected"), by semantics function. A function that is not here defines, or keeps, all of them. */
const rules: Readonly<Record<string, Rule>> = {
  AND: logic,
  OR: logic,
  XOR: logic,
  TEST: logic,
  SHL: shift(false),
  SHR: shift(false),
  SAR: shift(true),
  ROL: rotate,
  ROR: rotate,
  RCL: rotate,
  RCR: rotate,
  SHLD: shiftDouble,
  SHRD: shiftDouble,
  BT: bitTest,
  BTS: bitTest,
  BTR: bitTest,
  BTC: bitTest,
  BT_STRING: bitTest,
  BTS_STRING: bitTest,
  BTR_STRING: bitTest,
  BTC_STRING: bitTest,
  BSF: constant(statusFlags & ~Flag.ZF),
  BSR: constant(statusFlags & ~Flag.ZF),
  LZCNT: countZeros,
  TZCNT: countZeros,
  ANDN: lowest,
  BEXTR: constant(Flag.SF | Flag.AF | Flag.PF),
  BLSI: lowest,
  BLSMSK: lowest,
  BLSR: lowest,
  BZHI: lowest,
  MUL: multiply,
  IMUL1: multiply,
  IMUL2: multiply,
  IMUL3: multiply,
  DIV: constant(statusFlags),
  IDIV: constant(statusFlags),
  AAA: constant(Flag.OF | Flag.SF | Flag.ZF | Flag.PF),
  AAS: constant(Flag.OF | Flag.SF | Flag.ZF | Flag.PF),
  AAM: constant(Flag.OF | Flag.AF | Flag.CF),
  AAD: constant(Flag.OF | Flag.AF | Flag.CF),
  DAA: constant(Flag.OF),
  DAS: constant(Flag.OF),
};

/** Flags that are undefined after an instruction. */
export function undefinedFlags(semantics: string, context: FlagContext): number {
  return rules[semantics]?.(context) ?? 0;
}
