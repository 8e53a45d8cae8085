// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import type { CaseBuilder } from './case_builder.js';
import type { FormChoice } from './form_choice.js';
import { signedBytes, type Parts } from './instruction_parts.js';
import { MemoryMap } from './memory_map.js';

const { rbx: RBX, rcx: RCX } = registerNumbers;

/** The address that the operand must have, in its segment. */
interface Place {
  readonly offset: bigint;
  /** Addresses are cut to 32 bits (prefix 67). */
  readonly narrow: boolean;
}

/** Chooses where the operand is, with the prefixes that this takes. */
function choosePlace(builder: CaseBuilder, choice: FormChoice, parts: Parts): Place {
  const { random } = builder;
  const isVector = choice.entry.operands.some((operand) => operand.type === 'v128');
  let offset = builder.address(random.chance(0.8) && isVector ? 16 : 1);
  builder.target = offset >= 0n && offset < 0x80000000n ? Number(offset) : undefined;
  if (random.chance(0.1)) {
    parts.prefixes.push(0x65);
    offset = BigInt.asUintN(64, offset - BigInt(MemoryMap.gsBase));
  }
  const narrow = choice.address === 1 || random.chance(0.05);
  if (narrow) parts.prefixes.push(0x67);
  return { offset, narrow };
}

/**
 * ModRM, SIB and displacement of a memory operand, with registers set so that it comes out at an address of our choice. Sets builder.target.
 * @param field ModRM.reg.
 * @returns the registers that the address depends on.
 */
export function encodeMemory(builder: CaseBuilder, choice: FormChoice, parts: Parts, field: number): number[] {
  const place = choosePlace(builder, choice, parts);
  if (!builder.isSequence && builder.random.chance(0.85)) return encodeBased(builder, choice, parts, field, place);
  const isReachable = place.narrow || BigInt.asIntN(32, place.offset) === BigInt.asIntN(64, place.offset);
  encodeAbsolute(builder, parts, field, isReachable ? place.offset : BigInt(builder.windowAddress()));
  return [];
}

/** RIP-relative, or a 32-bit address. */
function encodeAbsolute(builder: CaseBuilder, parts: Parts, field: number, offset: bigint): void {
  const address = Number(BigInt.asIntN(32, offset));
  if (builder.random.chance(0.5)) {
    parts.modrm = [(field << 3) | 5, 0, 0, 0, 0];
    parts.relative = { at: 1, target: address };
  } else parts.modrm = [(field << 3) | 4, 0x25, ...signedBytes(address, 4)];
}

/** Base, often an index, and a displacement. */
function encodeBased(builder: CaseBuilder, choice: FormChoice, parts: Parts, field: number, place: Place): number[] {
  const { random } = builder;
  const registers = parts.rex === 'forbidden' ? 8 : 16;
  // the count register of a shift keeps the count
  const keepsCount = choice.entry.operands.some(({ text }) => text === 'CL');
  const chooseRegister = (): number => {
    const register = random.below(registers);
    return keepsCount && register === RCX ? RBX : register;
  };
  const base = chooseRegister();
  const index = random.chance(0.4) ? chooseRegister() : 4;
  const scale = random.below(4);
  const displacement = solve(builder, base, index, scale, place);
  const mod = displacement === 0 && (base & 7) !== 5 ? 0 : displacement >= -128 && displacement < 128 ? 1 : 2;
  parts.rexB = base >> 3;
  if (index !== 4 || (base & 7) === 4) {
    parts.rexX = index >> 3;
    parts.modrm = [(mod << 6) | (field << 3) | 4, (scale << 6) | ((index & 7) << 3) | (base & 7)];
  } else parts.modrm = [(mod << 6) | (field << 3) | (base & 7)];
  parts.modrm.push(...signedBytes(displacement, [0, 1, 4][mod]!));
  return index === 4 ? [base] : [base, index];
}

/** Sets base and index, and returns the displacement, so that their sum is the place. */
function solve(builder: CaseBuilder, base: number, index: number, scale: number, { offset, narrow }: Place): number {
  const { random } = builder;
  if (index === base && index !== 4) {
    builder.set(index, random.below(0x1000));
    return Number(BigInt.asIntN(32, offset - builder.registers[index]! * BigInt(1 + (1 << scale))));
  }
  const displacement = random.chance(0.3) ? 0 : random.chance(0.5) ? (random.next() << 24) >> 24 : random.next() | 0;
  if (index !== 4) builder.set(index, random.chance(0.7) ? random.below(0x100) : builder.number());
  const indexed = index === 4 ? 0n : builder.registers[index]! << BigInt(scale);
  const unused = narrow && random.chance(0.5) ? BigInt(random.next()) << 32n : 0n;
  builder.set(base, offset - indexed - BigInt(displacement) + unused);
  return displacement;
}
