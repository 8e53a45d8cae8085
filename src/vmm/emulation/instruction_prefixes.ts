// SPDX-License-Identifier: LGPL-2.1-only
// Prefixes of the instruction that exited, for the few whose exits do not tell what the prefixes say. SDM 2A "Instruction Prefixes".
import { AccessRights, Rflags } from '../../intrinsics/registers/registers.js';
import type { SegmentName } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';
import { isIn64BitMode } from './guest_registers.js';
import type { LinearMemory } from './linear_memory.js';
import { makerOf } from './memory_operand.js';

/** What the prefixes of an instruction make of it. */
export interface InstructionForm {
  readonly operandBytes: 2 | 4 | 8;
  readonly addressBits: 16 | 32 | 64;
  /** The segment of its memory operand, if a prefix names one. */
  readonly segment: SegmentName | undefined;
}

const segmentOverrides: Readonly<Record<number, SegmentName>> = {
  0x26: 'es',
  0x2e: 'cs',
  0x36: 'ss',
  0x3e: 'ds',
  0x64: 'fs',
  0x65: 'gs',
};
const operandSizePrefix = 0x66;
const addressSizePrefix = 0x67;
const otherPrefixes: readonly number[] = [0xf0, 0xf2, 0xf3];
/** REX prefixes are 40H to 4FH; bit 3 is W. */
const [rex, rexMask, rexW] = [0x40, 0xf0, 8];

/** Reads the instruction at the guest's RIP. @throws ProcessorFault as a read of it does. */
export function readInstructionForm(exit: Exit, memory: LinearMemory): InstructionForm {
  const { vmcs } = exit;
  const is64Bit = isIn64BitMode(vmcs);
  const base = is64Bit ? 0n : vmcs.read(VmcsField.GuestCsBase);
  const code = memory.fetch(base + vmcs.read(VmcsField.GuestRip), exit.instructionLength, makerOf(exit));
  return formOf(code, is64Bit ? 64 : defaultBits(exit));
}

/** CS.D is the default outside 64-bit mode. Virtual-8086 code has 16 bits. */
function defaultBits({ vmcs }: Exit): 16 | 32 {
  const isVirtual8086 = (vmcs.readLow(VmcsField.GuestRflags) & Rflags.Virtual8086Mode) !== 0;
  return !isVirtual8086 && (vmcs.readLow(VmcsField.GuestCsAccessRights) & AccessRights.Db) !== 0 ? 32 : 16;
}

/** @param bits of the mode: 64-bit mode has operands of 32 bits by default. */
export function formOf(code: readonly number[], bits: 16 | 32 | 64): InstructionForm {
  let [hasOperandSize, hasAddressSize, isWide] = [false, false, false];
  let segment: SegmentName | undefined;
  for (const byte of code) {
    const isRex = bits === 64 && (byte & rexMask) === rex;
    if (byte === operandSizePrefix) hasOperandSize = true;
    else if (byte === addressSizePrefix) hasAddressSize = true;
    else if (byte in segmentOverrides) segment = overriding(byte, bits) ?? segment;
    else if (!isRex && !otherPrefixes.includes(byte)) break;
    // REX counts right before the opcode only.
    isWide = isRex && (byte & rexW) !== 0;
  }
  const operandBytes = isWide ? 8 : (bits === 16) === hasOperandSize ? 4 : 2;
  if (bits === 64) return { operandBytes, addressBits: hasAddressSize ? 32 : 64, segment };
  return { operandBytes, addressBits: (bits === 16) === hasAddressSize ? 32 : 16, segment };
}

/** 64-bit mode ignores the prefixes of ES, CS, SS and DS. */
function overriding(prefix: number, bits: number): SegmentName | undefined {
  const segment = segmentOverrides[prefix]!;
  return bits !== 64 || segment === 'fs' || segment === 'gs' ? segment : undefined;
}
