// SPDX-License-Identifier: LGPL-2.1-only
import type { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { CpuidLeaf, ExtendedFeatureFlagsEcx, FeatureInformationEcx } from '../../intrinsics/registers/cpuid_leaves.js';
import { Cr4 } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { isHandled } from '../container/answers.js';
import type { AskedContributions } from '../contributions/asked_contributions.js';
import type { CpuidContribution } from '../contributions/cpuid_contribution.js';
import type { Exit } from '../exit/exit.js';

const [rax, rcx, rdx, rbx] = [0, 2, 4, 6];

/** Bits of CPUID that mirror the guest's CR4; the processor answers with the VMM's. */
function mirrorCr4(exit: Exit, result: Uint32Array, register: number, bit: number, cr4Bit: number): void {
  const isSet = (exit.vmcs.readLow(VmcsField.GuestCr4) & cr4Bit) !== 0;
  result[register] = isSet ? result[register]! | bit : result[register]! & ~bit;
}

/**
 * The guest's CPUID: executed here, without VMX, then changed by contributions. The upper halves of RAX, RBX, RCX, RDX become 0, as on the processor.
 *
 * @param result scratch for four registers.
 */
export function executeCpuid(
  exit: Exit,
  cpuid: Cpuid,
  contributions: AskedContributions<CpuidContribution>,
  result: Uint32Array,
): void {
  const { halves } = exit.registers;
  const leaf = halves[rax]!;
  const subleaf = halves[rcx]!;
  cpuid.cpuid(leaf, subleaf, result);
  if (leaf === CpuidLeaf.FeatureInformation) {
    mirrorCr4(exit, result, 2, FeatureInformationEcx.Osxsave, Cr4.Osxsave);
    result[2] = result[2]! & ~FeatureInformationEcx.Vmx;
  } else if (leaf === CpuidLeaf.ExtendedFeatureFlags && subleaf === 0) {
    mirrorCr4(exit, result, 2, ExtendedFeatureFlagsEcx.Ospke, Cr4.ProtectionKeyEnableBit);
  }
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (!contribution.leaves.includes(leaf)) continue;
    contributions.ask(index);
    if (
      isHandled(contribution.handleCpuid(leaf, subleaf, result, exit), contribution, 'handleCpuid') ||
      exit.hasInjected
    )
      break;
    contributions.pass();
  }
  if (exit.hasInjected) return;
  halves[rax] = result[0]!;
  halves[rax + 1] = 0;
  halves[rbx] = result[1]!;
  halves[rbx + 1] = 0;
  halves[rcx] = result[2]!;
  halves[rcx + 1] = 0;
  halves[rdx] = result[3]!;
  halves[rdx + 1] = 0;
  exit.advance();
}
