// SPDX-License-Identifier: LGPL-2.1-only
import { PrefixMask, vexMaps } from '../../../src/machine/generator/encoding.js';
import type { FormChoice } from './form_choice.js';
import type { SeededRandom } from './seeded_random.js';

/** Instruction bytes in the making. */
export interface Parts {
  /** Prefixes that the operands brought along: 65, 67. */
  prefixes: number[];
  rexW: number;
  rexR: number;
  rexX: number;
  rexB: number;
  /** A REX prefix is needed (SPL … DIL) or must not be there (AH … BH). */
  rex: 'free' | 'needed' | 'forbidden';
  modrm: number[];
  /** VEX.vvvv, not inverted. */
  vvvv: number;
  /** Low three bits of the register in the opcode byte. */
  opcodeRegister: number;
  immediates: number[];
  /** Offset inside modrm of a displacement that counts from the end of the instruction, and its target. */
  relative: { at: number; target: number } | undefined;
}

/** Parts with nothing in them. */
export function emptyParts(): Parts {
  return {
    prefixes: [],
    rexW: 0,
    rexR: 0,
    rexX: 0,
    rexB: 0,
    rex: 'free',
    modrm: [],
    vvvv: 0,
    opcodeRegister: 0,
    immediates: [],
    relative: undefined,
  };
}

/** Legacy prefixes. SDM 2A "Instruction Prefixes". */
const prefixBytes: readonly number[] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];

/** The one that changes the size of operands. */
export const operandSizePrefix = 0x66;

/** True for a legacy prefix. */
export const isPrefix = (byte: number): boolean => prefixBytes.includes(byte);

/** The low bytes of a signed number of 32 bits. */
export function signedBytes(value: number, count: number): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) bytes.push((value >> (8 * Math.min(i, 3))) & 255);
  return bytes;
}

/** Prefixes that the choice demands. */
export function prefixesOf(choice: FormChoice): number[] {
  const { entry, size, rep, address, bits } = choice;
  const { prefixes } = entry.encoding;
  if (entry.encoding.map > vexMaps) return [];
  const bytes: number[] = [];
  const mandatory =
    prefixes & PrefixMask.none ? 0 : prefixes & PrefixMask.p66 ? 0x66 : prefixes & PrefixMask.pF3 ? 0xf3 : 0xf2;
  // what is left is the address size of string instructions, LOOP and JCXZ; memory operands choose theirs, the stack pointer's is SS's
  const isStack = bits !== 64 && entry.row.options.stack === true;
  if (entry.hasAddresses && !isStack && address === (bits === 32 ? 0 : 1) && !choice.memory) bytes.push(0x67);
  if (mandatory === 0x66 || (entry.hasSizes && size === (bits === 16 ? 1 : 0))) bytes.push(0x66);
  if (mandatory > 0x66) bytes.push(mandatory);
  if (rep !== 0) bytes.push(rep === 1 ? 0xf3 : 0xf2);
  return bytes;
}

/** A REX prefix, if one is needed, and now and then one without effect. */
export function rexOf(parts: Parts, random: SeededRandom): number[] {
  const bits = (parts.rexW << 3) | (parts.rexR << 2) | (parts.rexX << 1) | parts.rexB;
  if (bits === 0 && parts.rex !== 'needed' && (parts.rex === 'forbidden' || random.chance(0.95))) return [];
  return [0x40 | bits];
}

/** VEX.pp by mandatory prefix. */
const vexPrefix: Readonly<Record<number, number>> = {
  [PrefixMask.none]: 0,
  [PrefixMask.p66]: 1,
  [PrefixMask.pF3]: 2,
  [PrefixMask.pF2]: 3,
};

/** The VEX prefix of three bytes: all our instructions with VEX are in the maps 0F 38 and 0F 3A. */
function vexOf(choice: FormChoice, parts: Parts): number[] {
  const { map, prefixes } = choice.entry.encoding;
  const inverted = (~((parts.rexR << 7) | (parts.rexX << 6) | (parts.rexB << 5)) & 0xe0) | (map - vexMaps);
  return [0xc4, inverted, (parts.rexW << 7) | ((~parts.vvvv & 15) << 3) | vexPrefix[prefixes]!];
}

/** Bytes that choose an opcode map. */
const escapes: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** Opcode map bytes and opcode; with the VEX prefix if there is one. */
export function opcodeOf(choice: FormChoice, parts: Parts): number[] {
  const { map, opcode } = choice.entry.encoding;
  if (map > vexMaps) return [...vexOf(choice, parts), opcode];
  return [...escapes[map]!, opcode + parts.opcodeRegister];
}
