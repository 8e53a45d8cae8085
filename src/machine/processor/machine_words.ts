// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import type { CpuidLeafValues, PlainMsr, ProcessorModel } from '../models/processor_model.js';

/** The machine's memory as words. */
export interface MachineWords {
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
}

function writeLeaf({ u32 }: MachineWords, entry: CpuidLeafValues, at: number): void {
  const { leaf, subleaf, eax, ebx, ecx, edx } = entry;
  u32.set([leaf, subleaf ?? 0, subleaf === undefined ? 0 : 1, 0, eax, ebx, ecx, edx], at / 4);
}

function writeMsrEntry({ u32, u64 }: MachineWords, msr: PlainMsr, at: number): void {
  // flag 1: no bit can be changed, but a write of the present value is not #GP
  u32.set([msr.address, msr.writable === undefined ? 0 : 1], at / 4);
  u64.set([msr.value, msr.writable ?? 0n, msr.ignored ?? 0n], at / 8 + 1);
}

/** Writes the words of the machine that tell the core its memory, and the CPUID leaves and MSRs of its model. */
export function writeMachineWords(words: MachineWords, memoryBytes: number, model: ProcessorModel): void {
  const { u32, u64 } = words;
  u32[Layout.RAM_BYTES / 4] = memoryBytes;
  u32[Layout.PHYSICAL_BITS / 4] = model.physicalAddressBits;
  u64[Layout.PHYSICAL_RESERVED / 8] = (0xffffffffffffffffn << BigInt(model.physicalAddressBits)) & 0xffffffffffffffffn;
  u32[Layout.EPT_FEATURES / 4] = Constants.EPT_ACCESSED_DIRTY | Constants.EPT_EXECUTE_ONLY;
  u32[Layout.PROCESSOR_COUNT / 4] = 1;
  u32[Layout.CPUID_COUNT / 4] = model.cpuid.length;
  model.cpuid.forEach((entry, i) => writeLeaf(words, entry, Layout.CPUID_TABLE + i * 32));
  u32[Layout.MSR_COUNT / 4] = model.msrs.length;
  model.msrs.forEach((msr, i) => writeMsrEntry(words, msr, Layout.MSR_TABLE + i * 32));
}
