// SPDX-License-Identifier: LGPL-2.1-only
// Memory operands of 16- and 32-bit code. SDM 2A "Addressing-Mode Encoding of ModR/M and SIB Bytes".
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import type { SegmentName } from './address_space.js';
import type { CaseBuilder } from './case_builder.js';
import type { FormChoice } from './form_choice.js';
import { signedBytes, type Parts } from './instruction_parts.js';

const { rbx: BX, rcx: CX, rsp: SP, rbp: BP, rsi: SI, rdi: DI } = registerNumbers;
const addressSizePrefix = 0x67;
const overrides: readonly (readonly [number, SegmentName])[] = [
  [0x26, 'es'],
  [0x2e, 'cs'],
  [0x36, 'ss'],
  [0x3e, 'ds'],
  [0x64, 'fs'],
  [0x65, 'gs'],
];
/** Base registers of 16-bit ModRM.rm; 6 with mod 0 has none. */
const bases16: readonly (readonly number[])[] = [[BX, SI], [BX, DI], [BP, SI], [BP, DI], [SI], [DI], [BP], [BX]];

/** Now and then a segment prefix. @returns the segment of the operand, `usual` without a prefix. */
export function chooseSegment(builder: CaseBuilder, parts: Parts, usual: SegmentName): SegmentName {
  if (!builder.random.chance(0.15)) return usual;
  const [prefix, name] = builder.random.pick(overrides);
  parts.prefixes.push(prefix);
  return name;
}

/** An offset for an operand in a segment. Sets builder.target where it leads to a linear address. */
export function chooseOffset(builder: CaseBuilder, segment: SegmentName, alignment = 1): bigint {
  const { space, random } = builder;
  builder.target = undefined;
  const border = random.chance(0.15) ? space.border(segment, random) : undefined;
  if (border !== undefined) return border;
  const linear = BigInt.asUintN(32, builder.address(alignment));
  builder.target = Number(linear);
  return space.offset(segment, linear);
}

/** Address size of an operand; the prefix is added where it is not the usual one. */
function chooseAddressBits(builder: CaseBuilder, choice: FormChoice, parts: Parts): 16 | 32 {
  const { entry, address } = choice;
  const isFixed = entry.hasAddresses && entry.row.options.stack !== true;
  const usual = builder.space.bits === 16 ? 16 : 32;
  const other = usual === 16 ? 32 : 16;
  const bits = isFixed ? (address === 0 ? 16 : 32) : builder.random.chance(0.85) ? usual : other;
  if (bits !== usual) parts.prefixes.push(addressSizePrefix);
  return bits;
}

/**
 * ModRM, SIB and displacement of a memory operand, with registers set so that it comes out at an offset of our choice. Sets builder.target.
 * @param field ModRM.reg.
 * @returns the registers that the address depends on.
 */
export function encodeSegmentedMemory(builder: CaseBuilder, choice: FormChoice, parts: Parts, field: number): number[] {
  const bits = chooseAddressBits(builder, choice, parts);
  const isAbsolute = builder.isSequence || builder.random.chance(0.15);
  const encode = bits === 16 ? encode16 : encode32;
  return encode(builder, choice, parts, field, isAbsolute);
}

/** Segment and offset of an operand; operands of 16 bytes are mostly aligned. @returns the offset. */
function choosePlace(builder: CaseBuilder, choice: FormChoice, parts: Parts, usual: SegmentName): bigint {
  const segment = chooseSegment(builder, parts, usual);
  const isVector = choice.entry.operands.some((operand) => operand.type === 'v128');
  return chooseOffset(builder, segment, builder.random.chance(0.8) && isVector ? 16 : 1);
}

function encode16(
  builder: CaseBuilder,
  choice: FormChoice,
  parts: Parts,
  field: number,
  isAbsolute: boolean,
): number[] {
  const { random } = builder;
  const rm = isAbsolute ? 6 : random.below(8);
  const mod = isAbsolute ? 0 : rm === 6 ? 1 + random.below(2) : random.below(3);
  const bases = isAbsolute ? [] : bases16[rm]!;
  const offset = choosePlace(builder, choice, parts, bases.includes(BP) ? 'ss' : 'ds');
  if (offset > 0xffffn) builder.target = undefined;
  const displacement = isAbsolute
    ? Number(offset & 0xffffn)
    : [0, (random.next() << 24) >> 24, random.next() & 0xffff][mod]!;
  parts.modrm = [(mod << 6) | (field << 3) | rm];
  if (isAbsolute || mod === 2) parts.modrm.push(...signedBytes(displacement, 2));
  else if (mod === 1) parts.modrm.push(displacement & 255);
  const [first, second] = bases;
  let rest = offset - BigInt(displacement);
  if (second !== undefined) {
    builder.set(second, (builder.registers[second]! & ~0xffffn) | BigInt(random.below(0x10000)));
    rest -= builder.registers[second]!;
  }
  // the upper half of a base register takes no part
  if (first !== undefined) builder.set(first, (builder.registers[first]! & ~0xffffn) | BigInt.asUintN(16, rest));
  return [...bases];
}

function encode32(
  builder: CaseBuilder,
  choice: FormChoice,
  parts: Parts,
  field: number,
  isAbsolute: boolean,
): number[] {
  const { random } = builder;
  if (isAbsolute) {
    const offset = choosePlace(builder, choice, parts, 'ds');
    parts.modrm = [(field << 3) | 5, ...signedBytes(Number(BigInt.asIntN(32, offset)), 4)];
    return [];
  }
  const base = chooseBase(builder);
  const index = random.chance(0.4) ? chooseBase(builder) : SP;
  const offset = choosePlace(builder, choice, parts, base === SP || base === BP ? 'ss' : 'ds');
  const scale = random.below(4);
  const displacement = random.chance(0.3) ? 0 : random.chance(0.5) ? (random.next() << 24) >> 24 : random.next() | 0;
  const sum = solve(builder, base, index, scale, offset, displacement);
  const mod = sum === 0 && base !== BP ? 0 : sum >= -128 && sum < 128 ? 1 : 2;
  if (index !== SP || base === SP) parts.modrm = [(mod << 6) | (field << 3) | 4, (scale << 6) | (index << 3) | base];
  else parts.modrm = [(mod << 6) | (field << 3) | base];
  parts.modrm.push(...signedBytes(sum, [0, 1, 4][mod]!));
  return index === SP ? [base] : [base, index];
}

/** A base or index register; CX keeps shift counts. */
function chooseBase({ random }: CaseBuilder): number {
  const register = random.below(8);
  return register === CX ? BX : register;
}

/** Sets base and index so that their sum with a displacement is the offset. @returns the displacement. */
function solve(
  builder: CaseBuilder,
  base: number,
  index: number,
  scale: number,
  offset: bigint,
  displacement: number,
): number {
  if (index === base && index !== SP) {
    builder.set(index, builder.random.below(0x1000));
    return Number(BigInt.asIntN(32, offset - builder.registers[index]! * BigInt(1 + (1 << scale))));
  }
  if (index !== SP) builder.set(index, builder.random.chance(0.7) ? builder.random.below(0x100) : builder.number());
  const indexed = index === SP ? 0n : builder.registers[index]! << BigInt(scale);
  builder.set(base, offset - indexed - BigInt(displacement));
  return displacement;
}
