// SPDX-License-Identifier: LGPL-2.1-only
import { SeededRandom } from '../differential/cases/seeded_random.js';
import type { CodeBits } from '../support/assembler.js';

/** The addresses of the slots, their counter and the dispatcher: linear = physical. In real-address mode all of it is in the segment at 10000H. */
export const FuzzAt = { slots: 0x60000, counter: 0x70000, dispatcher: 0x71000 } as const;

/** Bytes of a slot: the random code between two events. */
export const slotBytes = 64;

const legacyPrefixes = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Beginnings of instructions that do more than compute: system registers, far transfers, I/O, VMX, state. */
const systemOpcodes: readonly (readonly number[])[] = [
  [0x0f, 0x00],
  [0x0f, 0x01],
  [0x0f, 0x02],
  [0x0f, 0x03],
  [0x0f, 0x05],
  [0x0f, 0x06],
  [0x0f, 0x07],
  [0x0f, 0x09],
  [0x0f, 0x20],
  [0x0f, 0x21],
  [0x0f, 0x22],
  [0x0f, 0x23],
  [0x0f, 0x30],
  [0x0f, 0x31],
  [0x0f, 0x32],
  [0x0f, 0x34],
  [0x0f, 0x35],
  [0x0f, 0x78],
  [0x0f, 0x79],
  [0x0f, 0xa2],
  [0x0f, 0xae],
  [0x0f, 0xc7],
  [0x66, 0x0f, 0x38, 0x80],
  [0x66, 0x0f, 0x38, 0x81],
  [0x6c],
  [0x6e],
  [0xf3, 0x6c],
  [0xf3, 0x6f],
  [0x8e],
  [0x9a],
  [0x9d],
  [0xc8],
  [0xca],
  [0xcb],
  [0xcc],
  [0xcd],
  [0xcf],
  [0x48, 0xcf],
  [0xe4],
  [0xe7],
  [0xea],
  [0xec],
  [0xef],
  [0xf3, 0xa4],
  [0xf3, 0xab],
  [0xf1],
  [0xfb],
  [0xff],
];

/** Values that mean something to one instruction or another: addresses of structures and devices, MSRs, ports, control bits. */
const interesting = [
  0n,
  1n,
  2n,
  0x18n,
  0x28n,
  0x40n,
  0x58n,
  0x7fn,
  0x80n,
  0xffffn,
  0x10000n,
  0x20000n,
  0x40000n,
  0x60000n,
  0x70000n,
  0x100000n,
  0xfffffen,
  0x1000000n,
  0x7fffffffn,
  0x80000000n,
  0x80010031n,
  0x80050033n,
  0xb0000000n,
  0xd0000000n,
  0xfec00000n,
  0xfee00000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffn,
  0x800000000000n,
  0xffff800000000000n,
  0xffffffffffffffffn,
  0x10n,
  0x1bn,
  0x3an,
  0x174n,
  0x1d9n,
  0x277n,
  0x480n,
  0x6e0n,
  0xc0000080n,
  0xc0000081n,
  0xc0000100n,
  0x20n,
  0x21n,
  0x43n,
  0x70n,
  0x3f8n,
  0xcf8n,
];

/** A value: an interesting one, or one near to it, or any. */
export function randomValue(random: SeededRandom): bigint {
  const kind = random.below(8);
  if (kind < 5) return random.pick(interesting);
  if (kind < 7) return BigInt.asUintN(64, random.pick(interesting) + BigInt(random.below(33) - 16));
  return (BigInt(random.next()) << 32n) | BigInt(random.next());
}

/** A little-endian number. */
export function littleEndian(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

/** MOV of a value to a general register (not the stack pointer). */
export function loadRegister(random: SeededRandom, bits: CodeBits): number[] {
  const register = random.pick([0, 1, 2, 3, 5, 6, 7]);
  const value = randomValue(random);
  if (bits === 64) return [0x48, 0xb8 + register, ...littleEndian(value, 8)];
  return [0xb8 + register, ...littleEndian(value, bits / 8)];
}

/** Bytes that begin with one instruction, likely a defined one; operands are random, so it may take some of what follows. */
export function randomInstruction(random: SeededRandom, bits: CodeBits): number[] {
  const bytes: number[] = [];
  while (random.chance(0.2)) bytes.push(random.pick(legacyPrefixes));
  if (bits === 64 && random.chance(0.4)) bytes.push(0x40 + random.below(16));
  const kind = random.below(100);
  if (kind < 35) bytes.push(random.below(256));
  else if (kind < 55) bytes.push(0x0f, random.below(256));
  else if (kind < 62) bytes.push(0x0f, random.pick([0x38, 0x3a]), random.below(256));
  else bytes.push(...random.pick(systemOpcodes));
  // HLT ends most runs: let it be rare
  if (bytes.at(-1) === 0xf4 && random.chance(0.95)) bytes[bytes.length - 1] = 0x90;
  bytes.push(random.below(256));
  if (random.chance(0.5)) bytes.push(...littleEndian(randomValue(random), 4));
  else for (let i = random.below(4); i > 0; i--) bytes.push(random.below(256));
  return bytes;
}

/** One slot: a few registers, then random instructions up to its end. */
export function randomSlot(random: SeededRandom, bits: CodeBits): number[] {
  const bytes: number[] = [];
  for (let i = random.below(3); i > 0; i--) bytes.push(...loadRegister(random, bits));
  while (bytes.length < slotBytes) bytes.push(...randomInstruction(random, bits));
  return bytes.slice(0, slotBytes);
}
