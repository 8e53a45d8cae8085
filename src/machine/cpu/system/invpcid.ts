// SPDX-License-Identifier: LGPL-2.1-only
// INVPCID: SDM 2A "INVPCID—Invalidate Process-Context Identifier". The TLBs hold translations of the current PCID only, because MOV to
// CR3 drops the others (docs/decisions).
import { operandDisplacement, operandInformation, secondRegister } from "../decode/instruction_information";
import { supervisorOnly } from "../events/privilege";
import { raise, raiseCode } from "../events/raise";
import { Cr4, ExitReason, GP, InvpcidType, PrimaryControl, SecondaryControl, UD } from "../generated/architecture";
import { isInvpcid, PCID_BITS } from "../generated/contents";
import { CR3, CR4, LINEAR_ADDRESS_WIDTH, VMX_SECONDARY } from "../generated/layout";
import { read } from "../memory/access";
import { in64, nonRoot } from "../state/mode";
import { Mem, reg, Reg } from "../state/registers";
import { flushTlb, flushTlbNonGlobal, invalidatePage } from "../tlb/tlb";
import { primary, vmExitInformation } from "../vmx/vmx";

/** The current PCID: 0 while CR4.PCIDE is 0. */
function currentPcid(): u32 { return load<u32>(CR4) & Cr4.PcidEnableBit ? load<u32>(CR3) & PCID_BITS : 0; }
/** INVPCID r, m128: #UD in non-root operation without "enable INVPCID"; with "INVLPG exiting" it leaves. */
export function INVPCID(type: Reg, ea: Mem): void {
  if (nonRoot() && !(load<u32>(VMX_SECONDARY) & SecondaryControl.EnableInvpcid)) raise(UD);
  supervisorOnly();
  if (primary(PrimaryControl.InvlpgExiting)) {
    vmExitInformation(ExitReason.Invpcid, operandDisplacement<Mem>(), operandInformation<Mem>(ea) | secondRegister(type));
    return;
  }
  const descriptor = read<u64>(ea), linear = read<u64>(ea + 8), kind = in64() ? reg<u64>(type) : <u64>reg<u32>(type);
  if (!isInvpcid(<i32>kind, <i32>(kind >> 32), <i32>descriptor, <i32>(descriptor >> 32), <i32>(linear >> 32), load<i32>(CR4),
    LINEAR_ADDRESS_WIDTH)) raiseCode(GP, 0);
  if (kind == InvpcidType.AllContexts) flushTlb();
  else if (kind == InvpcidType.AllContextsRetainingGlobals) flushTlbNonGlobal();
  else if (<u32>descriptor == currentPcid()) {
    if (kind == InvpcidType.SingleContext) flushTlbNonGlobal(); else invalidatePage(linear);
  }
}
