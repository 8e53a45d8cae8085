// SPDX-License-Identifier: LGPL-2.1-only
// The CPUID leaves of the processor model, with the bits that follow the processor's state. SDM 2A "CPUID—CPU Identification".
import { APIC_BASE, CPUID_COUNT, CPUID_TABLE, CR4, MISC_ENABLE, PROCESSOR_ID } from "../generated/layout";
import {
  ApicBase, Cr4, CpuidLeaf, FeatureInformationEbx, FeatureInformationEcx, FeatureInformationEdx, XsaveArea,
  MiscEnable,
} from "../generated/architecture";
import { CpuidEntry, CpuidEntryFlag, MODEL_ENTRY_BYTES } from "../generated/model_tables";
import { inField } from "../state/bit_field";

/** The entry of a leaf, 0 if there is none. */
export function cpuidEntry(leaf: u32, subleaf: u32): usize {
  const end = CPUID_TABLE + load<u32>(CPUID_COUNT) * MODEL_ENTRY_BYTES;
  for (let e = CPUID_TABLE; e < end; e += MODEL_ENTRY_BYTES) {
    const ofSubleaf = (load<u32>(e, CpuidEntry.Flags) & CpuidEntryFlag.HasSubleaf) != 0;
    if (load<u32>(e) == leaf && (!ofSubleaf || load<u32>(e, CpuidEntry.Subleaf) == subleaf)) return e;
  }
  // Beyond the highest basic or extended leaf: the data of the highest basic leaf.
  const top = load<u32>(CPUID_TABLE, CpuidEntry.Eax), extended = leaf >= CpuidLeaf.ExtendedMaximum;
  if (extended ? leaf > topExtended() : leaf > top) if (leaf != top) return cpuidEntry(top, subleaf);
  return 0;
}
function topExtended(): u32 {
  const end = CPUID_TABLE + load<u32>(CPUID_COUNT) * MODEL_ENTRY_BYTES;
  for (let e = CPUID_TABLE; e < end; e += MODEL_ENTRY_BYTES) if (load<u32>(e) == CpuidLeaf.ExtendedMaximum) return load<u32>(e,
    CpuidEntry.Eax);
  return 0;
}
/** EAX EBX ECX EDX of the last cpuid(). */
export let cpuidA: u32 = 0, cpuidB: u32 = 0, cpuidC: u32 = 0, cpuidD: u32 = 0;
/** Computes a leaf with the bits that follow the processor's state. */
export function cpuid(leaf: u32, subleaf: u32): void {
  const e = cpuidEntry(leaf, subleaf);
  cpuidA = e ? load<u32>(e, CpuidEntry.Eax) : 0;
  cpuidB = e ? load<u32>(e, CpuidEntry.Ebx) : 0;
  cpuidC = e ? load<u32>(e, CpuidEntry.Ecx) : 0;
  cpuidD = e ? load<u32>(e, CpuidEntry.Edx) : 0;
  const id = load<u32>(PROCESSOR_ID);
  if (leaf == CpuidLeaf.FeatureInformation) {
    cpuidB = (cpuidB & ~FeatureInformationEbx.InitialApicId) | <u32>inField(FeatureInformationEbx.InitialApicId, id);
    if (load<u32>(CR4) & Cr4.Osxsave) cpuidC |= FeatureInformationEcx.Osxsave;
    if (!(load<u64>(MISC_ENABLE) & MiscEnable.EnableMonitorFsm)) cpuidC &= ~FeatureInformationEcx.Monitor;
    if (!(load<u64>(APIC_BASE) & ApicBase.ApicGlobalEnable)) cpuidD &= ~FeatureInformationEdx.Apic;
  } else if (leaf == CpuidLeaf.ExtendedTopology) {
    cpuidC = (cpuidC & ~TOPOLOGY_LEVEL) | (subleaf & TOPOLOGY_LEVEL);
    cpuidD = id;
  } else if (leaf == CpuidLeaf.ExtendedState && subleaf == 0) cpuidB = XsaveArea.Bytes;
}
/** The level in ECX of the topology leaf. */
@inline const TOPOLOGY_LEVEL: u32 = 0xff;
/** The state components in bits 31:0 that XCR0 may have. */
export function supportedComponents(): u32 {
  const e = cpuidEntry(CpuidLeaf.ExtendedState, 0);
  return e ? load<u32>(e, CpuidEntry.Eax) : 0;
}
/** Whether CPUID announces x2APIC mode. */
export function hasX2apic(): bool {
  const e = cpuidEntry(CpuidLeaf.FeatureInformation, 0);
  return e != 0 && (load<u32>(e, CpuidEntry.Ecx) & FeatureInformationEcx.X2apic) != 0;
}
