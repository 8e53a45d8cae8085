// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryType } from '../../intrinsics/registers/registers.js';

/** Types of memory descriptors, to be ORed. */
export const MemoryDescriptorType = {
  MEMORY_TYPE_R: 1,
  MEMORY_TYPE_W: 2,
  MEMORY_TYPE_E: 4,
} as const;

/** Attributes of a mapping: access in bits 11:8 (rw 1, re 2, pass-through 3), memory type in bits 3:0. */
export const MemoryAttribute = {
  invalid: 0x0,
  rw: 0x100,
  re: 0x200,
  pt: 0x300,
  rwUc: 0x100,
  rwWc: 0x101,
  rwWt: 0x104,
  rwWp: 0x105,
  rwWb: 0x106,
  rwUcM: 0x107,
  reUc: 0x200,
  reWc: 0x201,
  reWt: 0x204,
  reWp: 0x205,
  reWb: 0x206,
  reUcM: 0x207,
  ptUc: 0x300,
  ptWc: 0x301,
  ptWt: 0x304,
  ptWp: 0x305,
  ptWb: 0x306,
  ptUcM: 0x307,
} as const;

/** The VMM's value of IA32_PAT. */
export const PAT_VALUE = 0x0706050406040100n;

/** Which PAT entry holds which memory type. */
export const PatIndex = {
  uncacheableIndex: 0,
  writeCombiningIndex: 1,
  writeThroughIndex: 2,
  writeProtectedIndex: 5,
  writeBackIndex: 3,
  uncacheableMinusIndex: 7,
} as const;

/** The PAT entry of a memory type. */
export const patIndexOf: Readonly<Record<number, number>> = {
  [MemoryType.Uncacheable]: PatIndex.uncacheableIndex,
  [MemoryType.WriteCombining]: PatIndex.writeCombiningIndex,
  [MemoryType.WriteThrough]: PatIndex.writeThroughIndex,
  [MemoryType.WriteProtected]: PatIndex.writeProtectedIndex,
  [MemoryType.WriteBack]: PatIndex.writeBackIndex,
  [MemoryType.UncacheableMinus]: PatIndex.uncacheableMinusIndex,
};
