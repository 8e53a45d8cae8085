// SPDX-License-Identifier: LGPL-2.1-only
// Conditional moves and byte sets: SDM Volume 1 "Conditional Move Instructions", "Byte Set On Condition Instructions".
import { value, write } from "../memory/access";
import { CF, OF, PF, SF, ZF } from "../state/flags";
import { Mem, Reg, reg, setReg } from "../state/registers";

/** CMOVcc: the source is read, and a 32-bit destination zero-extended, whatever the condition. SDM 2A "CMOVcc—Conditional Move". */
@inline function move<T, S>(d: Reg, s: S, condition: bool): void {
  const v = value<T, S>(s);
  setReg<T>(d, condition ? v : reg<T>(d));
}

/** SETcc: DEST := condition ? 1 : 0. SDM 2B "SETcc—Set Byte on Condition". */
@inline function setByte<D>(d: D, condition: bool): void {
  if (sizeof<D>() == 4) setReg<u8>(<Reg>d, u8(condition)); else write<u8>(<Mem>d, u8(condition));
}

/** CMOVO. */
@inline export function CMOVO<T, S>(d: Reg, s: S): void { move<T, S>(d, s, OF()); }
/** CMOVNO. */
@inline export function CMOVNO<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !OF()); }
/** CMOVB. */
@inline export function CMOVB<T, S>(d: Reg, s: S): void { move<T, S>(d, s, CF()); }
/** CMOVNB. */
@inline export function CMOVNB<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !CF()); }
/** CMOVZ. */
@inline export function CMOVZ<T, S>(d: Reg, s: S): void { move<T, S>(d, s, ZF()); }
/** CMOVNZ. */
@inline export function CMOVNZ<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !ZF()); }
/** CMOVBE. */
@inline export function CMOVBE<T, S>(d: Reg, s: S): void { move<T, S>(d, s, CF() || ZF()); }
/** CMOVNBE. */
@inline export function CMOVNBE<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !CF() && !ZF()); }
/** CMOVS. */
@inline export function CMOVS<T, S>(d: Reg, s: S): void { move<T, S>(d, s, SF()); }
/** CMOVNS. */
@inline export function CMOVNS<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !SF()); }
/** CMOVP. */
@inline export function CMOVP<T, S>(d: Reg, s: S): void { move<T, S>(d, s, PF()); }
/** CMOVNP. */
@inline export function CMOVNP<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !PF()); }
/** CMOVL. */
@inline export function CMOVL<T, S>(d: Reg, s: S): void { move<T, S>(d, s, SF() != OF()); }
/** CMOVNL. */
@inline export function CMOVNL<T, S>(d: Reg, s: S): void { move<T, S>(d, s, SF() == OF()); }
/** CMOVLE. */
@inline export function CMOVLE<T, S>(d: Reg, s: S): void { move<T, S>(d, s, ZF() || SF() != OF()); }
/** CMOVNLE. */
@inline export function CMOVNLE<T, S>(d: Reg, s: S): void { move<T, S>(d, s, !ZF() && SF() == OF()); }

/** SETO. */
@inline export function SETO<D>(d: D): void { setByte<D>(d, OF()); }
/** SETNO. */
@inline export function SETNO<D>(d: D): void { setByte<D>(d, !OF()); }
/** SETB. */
@inline export function SETB<D>(d: D): void { setByte<D>(d, CF()); }
/** SETNB. */
@inline export function SETNB<D>(d: D): void { setByte<D>(d, !CF()); }
/** SETZ. */
@inline export function SETZ<D>(d: D): void { setByte<D>(d, ZF()); }
/** SETNZ. */
@inline export function SETNZ<D>(d: D): void { setByte<D>(d, !ZF()); }
/** SETBE. */
@inline export function SETBE<D>(d: D): void { setByte<D>(d, CF() || ZF()); }
/** SETNBE. */
@inline export function SETNBE<D>(d: D): void { setByte<D>(d, !CF() && !ZF()); }
/** SETS. */
@inline export function SETS<D>(d: D): void { setByte<D>(d, SF()); }
/** SETNS. */
@inline export function SETNS<D>(d: D): void { setByte<D>(d, !SF()); }
/** SETP. */
@inline export function SETP<D>(d: D): void { setByte<D>(d, PF()); }
/** SETNP. */
@inline export function SETNP<D>(d: D): void { setByte<D>(d, !PF()); }
/** SETL. */
@inline export function SETL<D>(d: D): void { setByte<D>(d, SF() != OF()); }
/** SETNL. */
@inline export function SETNL<D>(d: D): void { setByte<D>(d, SF() == OF()); }
/** SETLE. */
@inline export function SETLE<D>(d: D): void { setByte<D>(d, ZF() || SF() != OF()); }
/** SETNLE. */
@inline export function SETNLE<D>(d: D): void { setByte<D>(d, !ZF() && SF() == OF()); }
