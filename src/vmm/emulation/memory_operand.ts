// SPDX-License-Identifier: LGPL-2.1-only
// Memory operands of instructions that the VMM executes in its guest's stead.
import { unsignedBits } from '../support/unsigned_bits.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { InstructionInformation, Vector } from '../../intrinsics/vmx/exit_information.js';
import { Cr0, Rflags } from '../../intrinsics/registers/registers.js';
import { segmentNames, type SegmentName } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';
import type { AccessMaker } from './guest_paging.js';
import { isIn64BitMode, registerValue } from './guest_registers.js';
import { allowsAccess, readSegment } from './guest_segments.js';
import { isCanonical } from './linear_memory.js';

/** An access through a segment. */
export interface SegmentAccess {
  readonly segment: SegmentName;
  readonly offset: bigint;
  readonly bytes: number;
  readonly isWrite: boolean;
  /** The multiple that a checked address must be of. */
  readonly alignment: number;
}

/** In 64-bit mode their base is 0. */
const flatSegments: readonly SegmentName[] = ['es', 'cs', 'ss', 'ds'];

export const makerOf = (exit: Exit): AccessMaker => (exit.privilegeLevel() === 3 ? 'user' : 'supervisor');

/** The linear address of an access. @throws ProcessorFault for what the segment does not allow, and for a misaligned access that is checked. */
export function linearAddress(exit: Exit, access: SegmentAccess): bigint {
  const { vmcs } = exit;
  const { segment, offset, bytes } = access;
  const is64Bit = isIn64BitMode(vmcs);
  const register = readSegment(vmcs, segment);
  const base = is64Bit && flatSegments.includes(segment) ? 0n : register.base;
  const linear = unsignedBits(is64Bit ? 64 : 32, base + offset);
  const isAllowed = is64Bit
    ? isCanonical(linear) && isCanonical(linear + BigInt(bytes - 1))
    : allowsAccess(vmcs, register, Number(offset), bytes, access.isWrite);
  if (!isAllowed) {
    const vector = segment === 'ss' ? Vector.StackSegmentFault : Vector.GeneralProtection;
    throw new ProcessorFault(vector, 0, `a memory operand is not in segment ${segment}`);
  }
  if (checksAlignment(exit) && linear % BigInt(access.alignment) !== 0n) {
    throw new ProcessorFault(Vector.AlignmentCheck, 0, 'a misaligned memory operand');
  }
  return linear;
}

/** SDM 3A "Interrupt 17—Alignment Check Exception (#AC)". */
function checksAlignment(exit: Exit): boolean {
  const { vmcs } = exit;
  return (
    makerOf(exit) === 'user' &&
    (vmcs.readLow(VmcsField.GuestCr0) & Cr0.AlignmentMask) !== 0 &&
    (vmcs.readLow(VmcsField.GuestRflags) & Rflags.AlignmentCheckAccessControl) !== 0
  );
}

/** The operand that an exit's instruction information and qualification describe. SDM 3C "Information for VM Exits Due to Instruction Execution". */
export function describedOperand(exit: Exit): Pick<SegmentAccess, 'segment' | 'offset'> {
  const information = exit.instructionInformation;
  const field = (mask: number): number => (information & mask) >>> (31 - Math.clz32(mask & -mask));
  let offset = exit.qualification;
  if ((information & InstructionInformation.BaseInvalid) === 0) {
    offset += registerValue(exit, field(InstructionInformation.Base));
  }
  if ((information & InstructionInformation.IndexInvalid) === 0) {
    const index = registerValue(exit, field(InstructionInformation.Index));
    offset += index << BigInt(field(InstructionInformation.Scaling));
  }
  return {
    segment: segmentNames[field(InstructionInformation.Segment)]!,
    offset: unsignedBits(16 << field(InstructionInformation.AddressSize), offset),
  };
}
