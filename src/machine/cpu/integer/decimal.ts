// SPDX-License-Identifier: LGPL-2.1-only
// Decimal arithmetic: SDM Volume 1 "Decimal Arithmetic Instructions". None exists in 64-bit mode.
// Undefined flags: OF is 0; AAA and AAS take SF ZF PF from AL; AAM and AAD clear CF and AF.
import { AF, CF } from "../state/flags";
import { DE } from "../generated/architecture";
import { raise } from "../events/raise";
import { RAX } from "../generated/layout";
import { reg, setFlags, setReg, sx } from "../state/registers";

/** SF ZF PF from a byte, CF and AF given, OF 0. */
@inline function flagsByte(r: u8, c: bool, a: bool): void { setFlags(sx<u8>(r), <i64>((u64(c) << 63) | (u64(a) << 4)), u64(c)); }

/** AAA, AAS: AX + or - 106H when the low digit is above 9 or AF is set; then AL is cut to one digit. */
function adjustUnpacked(by: u16): void {
  const carry = (reg<u8>(RAX) & 15) > 9 || AF();
  if (carry) setReg<u16>(RAX, reg<u16>(RAX) + by);
  const al = reg<u8>(RAX) & 15;
  setReg<u8>(RAX, al);
  flagsByte(al, carry, carry);
}

/** AAA. SDM 2A "AAA—ASCII Adjust After Addition". */
export function AAA(): void { adjustUnpacked(0x106); }

/** AAS. SDM 2A "AAS—ASCII Adjust AL After Subtraction". */
export function AAS(): void { adjustUnpacked(<u16>(0 - 0x106)); }

/** AAM: AH := AL ÷ imm8, AL := the remainder; #DE when imm8 is 0. SDM 2A "AAM—ASCII Adjust AX After Multiply". */
export function AAM(base: u8): void {
  const al = reg<u8>(RAX);
  if (base == 0) raise(DE);
  const r = <u8>(al % base);
  setReg<u8>(RAX + 1, <u8>(al / base));
  setReg<u8>(RAX, r);
  flagsByte(r, false, false);
}

/** AAD: AL := AL + AH × imm8, AH := 0. SDM 2A "AAD—ASCII Adjust AX Before Division". */
export function AAD(base: u8): void {
  const r = <u8>(reg<u8>(RAX) + reg<u8>(RAX + 1) * base);
  setReg<u16>(RAX, <u16>r);
  flagsByte(r, false, false);
}

/** DAA. SDM 2A "DAA—Decimal Adjust AL After Addition". */
export function DAA(): void {
  const old = reg<u8>(RAX), a = (old & 15) > 9 || AF(), c = old > 0x99 || CF();
  const r = <u8>(old + (a ? 6 : 0) + (c ? 0x60 : 0));
  setReg<u8>(RAX, r);
  flagsByte(r, c, a);
}

/** DAS: a borrow of the low digit's correction sets CF too. SDM 2A "DAS—Decimal Adjust AL After Subtraction". */
export function DAS(): void {
  const old = reg<u8>(RAX), a = (old & 15) > 9 || AF(), c = old > 0x99 || CF();
  const r = <u8>(old - (a ? 6 : 0) - (c ? 0x60 : 0));
  setReg<u8>(RAX, r);
  flagsByte(r, c || (a && old < 6), a);
}
