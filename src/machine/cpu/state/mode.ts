// SPDX-License-Identifier: LGPL-2.1-only
// What the control registers, RFLAGS and the segment registers make of the processor: modes, masks, TLB contexts, and what must be looked at
// between instructions. SDM 3A "Modes of Operation".
import {
  ATTENTION, ATTENTION_STEP, ATTENTION_WINDOW, CODE_MASK, CR0, CS, CS_RIGHTS, DEBUG_TRAPS, DECODE_CODE16, DECODE_CODE32, DECODE_CODE64, DECODE_MODE,
  DEBUGCTL, DECODE_SEGMENTED, DECODE_STACK32, DR7, DS, EFER, ES, ES_BASE, ES_LIMIT, ES_RIGHTS, FS, GS, INTERRUPTIBILITY, MODE, MODE_64, MODE_LONG,
  MODE_PAGING, MODE_PROTECTED, MODE_VM86, RFLAGS_SYSTEM, SS, SS_RIGHTS, STACK_MASK, VMX_MODE, VMX_MTF_PENDING, VMX_PRIMARY,
} from "../generated/layout";
import { alignmentChecked } from "../memory/operand";
import { selectContext } from "../translation/tlb";
import { AccessRights, Rflags } from "../generated/architecture";


/** IA32_DEBUGCTL's TR and BTS, which only a VM entry can set: what they ask for is not done, and stops the processor. */
@inline export const DEBUGCTL_UNIMPLEMENTED: u64 = 0xc0;

/** Access rights bits of the VMCS's format. */

/** True for a writable data segment that covers 4 GiB upwards. */
function covers(segment: u32): bool {
  const rights = load<u32>(ES_RIGHTS + segment * 4);
  return (rights & (AccessRights.Unusable | 0x1e)) == 0x12 && load<u32>(ES_LIMIT + segment * 4) == 0xffffffff;
}
function flat(segment: u32): bool { return covers(segment) && load<u64>(ES_BASE + segment * 8) == 0; }
/** FS and GS may have a base (it is in the effective address) and may be null: see segmentAddress() of record.ts. */
function harmless(segment: u32): bool { return (load<u32>(ES_RIGHTS + segment * 4) & AccessRights.Unusable) != 0 || covers(segment); }
function codeFlat(): bool {
  return (load<u32>(CS_RIGHTS) & 0x1a) == 0x1a && load<u64>(ES_BASE + CS * 8) == 0 && load<u32>(ES_LIMIT + CS * 4) == 0xffffffff;
}

/** Recomputes MODE, DECODE_MODE, the masks and the TLB contexts. After every change of CR0, CR4, EFER, RFLAGS.VM or AC, CPL, or a segment register. */
export function updateMode(): void {
  const cr0 = load<u32>(CR0), cs = load<u32>(CS_RIGHTS), long = (load<u32>(EFER) & 0x400) != 0, vm86 = (load<u64>(RFLAGS_SYSTEM) & Rflags.Virtual8086Mode) != 0;
  const is64 = long && (cs & AccessRights.L) != 0, stack32 = (load<u32>(SS_RIGHTS) & AccessRights.Db) != 0;
  let mode: u32 = 0;
  if (cr0 & 1) mode |= vm86 ? MODE_VM86 : MODE_PROTECTED;
  if (long) mode |= MODE_LONG;
  if (is64) mode |= MODE_64;
  if (cr0 & 0x80000000) mode |= MODE_PAGING;
  store<u32>(MODE, mode);
  let decode: u32 = is64 ? DECODE_CODE64 : (cs & AccessRights.Db) != 0 ? DECODE_CODE32 : DECODE_CODE16;
  let segmented = false;
  if (!is64) {
    if (stack32) decode |= DECODE_STACK32;
    segmented = !(codeFlat() && flat(SS) && flat(DS) && flat(ES) && harmless(FS) && harmless(GS));
    if (segmented) decode |= DECODE_SEGMENTED;
  }
  store<u32>(DECODE_MODE, decode);
  store<u64>(CODE_MASK, is64 ? ~(<u64>0) : 0xffffffff);
  store<u64>(STACK_MASK, is64 ? ~(<u64>0) : stack32 ? 0xffffffff : 0xffff);
  selectContext(segmented || alignmentChecked());
}

/** 64-bit mode. */
@inline export function in64(): bool { return (load<u32>(MODE) & MODE_64) != 0; }
/** IA-32e mode (64-bit or compatibility). */
@inline export function inLong(): bool { return (load<u32>(MODE) & MODE_LONG) != 0; }
/** Protected mode, not virtual-8086. */
@inline export function inProtected(): bool { return (load<u32>(MODE) & MODE_PROTECTED) != 0; }
@inline export function inVm86(): bool { return (load<u32>(MODE) & MODE_VM86) != 0; }
/** VMX non-root operation. */
@inline export function nonRoot(): bool { return load<u32>(VMX_MODE) == 2; }

/** Recomputes whether every boundary must be looked at: after changes of TF, RF, DR7, shadows, pending traps, VM entry. */
export function updateAttention(): void {
  const guest = nonRoot();
  const step = (load<u64>(RFLAGS_SYSTEM) & (Rflags.TrapFlag | Rflags.ResumeFlag)) | (load<u64>(DR7) & 0xff) | <u64>(load<u32>(INTERRUPTIBILITY) & 3) | load<u64>(DEBUG_TRAPS)
    | (load<u64>(DEBUGCTL) & DEBUGCTL_UNIMPLEMENTED)
    | (guest ? <u64>(load<u32>(VMX_PRIMARY) & 0x8000000) | <u64>load<u32>(VMX_MTF_PENDING) : 0);
  let attention = load<u32>(ATTENTION) & ~(ATTENTION_STEP | ATTENTION_WINDOW);
  if (step) attention |= ATTENTION_STEP;
  if (guest && (load<u32>(VMX_PRIMARY) & 0x400004) != 0) attention |= ATTENTION_WINDOW;
  store<u32>(ATTENTION, attention);
}
