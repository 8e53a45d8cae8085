// SPDX-License-Identifier: LGPL-2.1-only
// VM-exit instruction information, and the displacement that is the qualification of the same exits: from the record of the instruction
// that is being executed. Bits that an instruction's format does not have are 0. SDM 3C "Information for VM Exits Due to Instruction
// Execution".
import { InstructionInformation } from "../generated/architecture";
import { SizeIndex } from "../generated/decoder_tables";
import { CURRENT_RECORD, DS, ES_BASE, PAGE_RIP, RAX, SS, ZERO } from "../generated/layout";
import { RecordField, RecordFlag } from "../generated/record_format";
import { LENGTH, SEGMENT } from "../code/record";
import { Reg } from "../state/registers";

/** Puts a value at the place of a field. */
@inline function at(field: u32, value: u32): u32 { return value << ctz<u32>(field); }
/** Number of a general register, by its slot. */
@inline function numberOf(slot: u32): u32 { return (slot - <u32>RAX) >> 3; }

/** Segment register of the memory operand, by the slot of its base. In 64-bit mode only FS and GS have one. */
function segmentNumber(slot: u32, onStack: bool): u32 {
  if (slot != <u32>ZERO) return (slot - <u32>ES_BASE) >> 3;
  return onStack ? SS : DS;
}
/** Scaling, address size, segment, index and base of the memory operand. */
function memoryInformation(record: usize): u32 {
  const flags = load<u8>(record, RecordField.Flags), base = load<u16>(record, RecordField.Base),
    index = load<u16>(record, RecordField.Index);
  const size = flags & RecordFlag.Address16 ? SizeIndex.Bits16 : flags & RecordFlag.Address32 ? SizeIndex.Bits32 : SizeIndex.Bits64;
  const segment = segmentNumber(SEGMENT(record), (flags & RecordFlag.DefaultStack) != 0);
  let information = at(InstructionInformation.AddressSize, size) | at(InstructionInformation.Segment, segment);
  if (index == <u32>ZERO) information |= InstructionInformation.IndexInvalid;
  else information |= at(InstructionInformation.Index, numberOf(index))
    | at(InstructionInformation.Scaling, load<u8>(record, RecordField.Scale));
  if (base == <u32>ZERO || base == <u32>PAGE_RIP) return information | InstructionInformation.BaseInvalid;
  return information | at(InstructionInformation.Base, numberOf(base));
}
/** Information about an operand that is a register or in memory. */
export function operandInformation<D>(operand: D): u32 {
  if (sizeof<D>() == 8) return memoryInformation(load<u32>(CURRENT_RECORD));
  return InstructionInformation.RegisterForm | at(InstructionInformation.Register1, numberOf(<Reg>operand));
}
/** Bits 31:28: the number of the register operand, or the number that distinguishes instructions of one exit reason. */
@inline export function secondOperand(number: u32): u32 { return at(InstructionInformation.Register2, number); }
/** Bits 31:28 of an instruction whose other operand is this register. */
@inline export function secondRegister(slot: Reg): u32 { return secondOperand(numberOf(slot)); }
/** Bit 11: the operand size is not 16 bits. */
@inline export function operandSize<T>(): u32 { return sizeof<T>() == 2 ? 0 : InstructionInformation.OperandSize; }
/** Information of RDRAND and RDSEED: the register, and its size in bits 12:11. */
export function registerInformation<T>(slot: Reg): u32 {
  const size = sizeof<T>() == 2 ? SizeIndex.Bits16 : sizeof<T>() == 4 ? SizeIndex.Bits32 : SizeIndex.Bits64;
  return at(InstructionInformation.Register1, numberOf(slot)) | at(InstructionInformation.OperandWidth, size);
}
/** Information of INS and OUTS. `segment`: slot of the source's segment base, 0 for INS, which has no such field. */
export function stringInformation<A>(segment: u32): u32 {
  const size = sizeof<A>() == 2 ? SizeIndex.Bits16 : sizeof<A>() == 4 ? SizeIndex.Bits32 : SizeIndex.Bits64;
  return at(InstructionInformation.AddressSize, size) | (segment ? at(InstructionInformation.Segment, segmentNumber(segment, false)) : 0);
}

/** Displacement of the memory operand, sign-extended, with RIP added if it is relative to RIP; 0 of a register. */
export function operandDisplacement<D>(): u64 {
  if (sizeof<D>() != 8) return 0;
  const record: usize = load<u32>(CURRENT_RECORD), flags = load<u8>(record, RecordField.Flags);
  const displacement = load<i32>(record, RecordField.Displacement);
  if (flags & RecordFlag.Address16) return <u64><i64><i16>displacement;
  let value = <u64><i64>displacement;
  if (load<u16>(record, RecordField.Base) != <u32>PAGE_RIP) return value;
  value += load<u64>(PAGE_RIP);
  if (flags & RecordFlag.Relative) value += <u64>load<u16>(record, RecordField.PageOffset) + <u64>LENGTH(record);
  return value;
}
