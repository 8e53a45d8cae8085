// SPDX-License-Identifier: LGPL-2.1-only
import { isAnnounced, msrsByBits, settableBits } from '../../intrinsics/contents/msr_contents.js';
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { CpuidEntry, CpuidEntryFlag, MODEL_ENTRY_BYTES, MsrEntry, MsrEntryFlag } from '../layout/model_tables.js';
import { modelFeatures } from '../models/model_features.js';
import { Sizes } from '../layout/regions.js';
import type { CpuidLeafValues, PlainMsr, ProcessorModel } from '../models/processor_model.js';

/** The machine's memory as words. */
export interface MachineWords {
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
}

/** Where the plain MSRs of a processor are. */
export function msrTable(processor: number): number {
  return Layout.MSR_TABLE + processor * Sizes.MSR_TABLE;
}

function writeLeaf({ u32 }: MachineWords, entry: CpuidLeafValues, at: number): void {
  const { leaf, subleaf, eax, ebx, ecx, edx } = entry;
  u32[(at + CpuidEntry.Leaf) / 4] = leaf;
  u32[(at + CpuidEntry.Subleaf) / 4] = subleaf ?? 0;
  u32[(at + CpuidEntry.Flags) / 4] = subleaf === undefined ? 0 : CpuidEntryFlag.HasSubleaf;
  u32.set([eax, ebx, ecx, edx], (at + CpuidEntry.Eax) / 4);
}

function writeMsrEntry({ u32, u64 }: MachineWords, msr: PlainMsr, at: number): void {
  u32[(at + MsrEntry.Index) / 4] = msr.address;
  const takesItsValue = msr.writable === undefined ? 0 : MsrEntryFlag.TakesItsValue;
  u32[(at + MsrEntry.Flags) / 4] = takesItsValue | (msr.isWriteOnly === true ? MsrEntryFlag.WriteOnly : 0);
  u64[(at + MsrEntry.Value) / 8] = msr.value;
  u64[(at + MsrEntry.Writable) / 8] = msr.writable ?? 0n;
  u64[(at + MsrEntry.Ignored) / 8] = msr.ignored ?? 0n;
}

/** What the words of a machine say. */
export interface MachineFacts {
  readonly memoryBytes: number;
  readonly model: ProcessorModel;
  readonly processors: number;
}

/** Writes the words of the machine that tell the core its memory, and the CPUID leaves and MSRs of its model. */
export function writeMachineWords(words: MachineWords, { memoryBytes, model, processors }: MachineFacts): void {
  const { u32, u64 } = words;
  u32[Layout.RAM_BYTES / 4] = memoryBytes;
  u32[Layout.PHYSICAL_BITS / 4] = model.physicalAddressBits;
  u64[Layout.PHYSICAL_RESERVED / 8] = (0xffffffffffffffffn << BigInt(model.physicalAddressBits)) & 0xffffffffffffffffn;
  u32[Layout.CR4_ALLOWED / 4] = model.cr4Allowed;
  const features = modelFeatures(model);
  u32[Layout.MSRS_ANNOUNCED / 4] = 0;
  msrsByBits.forEach((msr, index) => {
    const { low, high } = settableBits(msr, features);
    u32.set([low, high], Layout.MSR_SETTABLE / 4 + 2 * index);
    if (isAnnounced(msr, features)) u32[Layout.MSRS_ANNOUNCED / 4]! |= 1 << index;
  });
  u32[Layout.EPT_FEATURES / 4] = Constants.EPT_ACCESSED_DIRTY | Constants.EPT_EXECUTE_ONLY;
  u32[Layout.PROCESSOR_COUNT / 4] = processors;
  u32[Layout.CPUID_COUNT / 4] = model.cpuid.length;
  model.cpuid.forEach((entry, i) => writeLeaf(words, entry, Layout.CPUID_TABLE + i * MODEL_ENTRY_BYTES));
  u32[Layout.MSR_COUNT / 4] = model.msrs.length;
  if (model.msrs.length > Sizes.MSR_TABLE / MODEL_ENTRY_BYTES)
    throw new RangeError(
      `${model.name} has ${model.msrs.length} plain MSRs: there is room for ${Sizes.MSR_TABLE / MODEL_ENTRY_BYTES}`,
    );
  for (let id = 0; id < processors; id++) {
    model.msrs.forEach((msr, i) => writeMsrEntry(words, msr, msrTable(id) + i * MODEL_ENTRY_BYTES));
  }
}
