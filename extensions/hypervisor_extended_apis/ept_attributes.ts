// SPDX-License-Identifier: LGPL-2.1-only
import { EptAccess, MemoryType, VmcsError } from 'bareflank';

const { Read, Write, Execute } = EptAccess;

/** The accesses of extended_apis: bits 11:8 of an attribute. */
const accesses = {
  /** Read and write. */
  rw: [0x100, Read | Write],
  /** Read and execute. */
  re: [0x200, Read | Execute],
  /** Read only. */
  ro: [0x300, Read],
  /** Execute only, if the processor has that. */
  eo: [0x400, Execute],
  /** Pass through: all. */
  pt: [0x500, EptAccess.All],
  /** Trap: none. */
  tp: [0x600, 0],
} as const;

/** Bits 7:0. */
const memoryTypes = {
  Uc: MemoryType.Uncacheable,
  Wc: MemoryType.WriteCombining,
  Wt: MemoryType.WriteThrough,
  Wp: MemoryType.WriteProtected,
  Wb: MemoryType.WriteBack,
} as const;

type AttributeName = `${keyof typeof accesses}${keyof typeof memoryTypes}`;

/** Attributes of `RootEptIntelX64`: `rwUc` (0x100) to `tpWb` (0x606), access and memory type. */
export const EptAttribute = Object.freeze(
  Object.fromEntries(
    Object.entries(accesses).flatMap(([access, [code]]) =>
      Object.entries(memoryTypes).map(([type, number]) => [`${access}${type}`, code | number]),
    ),
  ),
) as Readonly<Record<AttributeName, number>>;

/** The access and memory type of an attribute. @throws VmcsError for an invalid one. */
export function decodeEptAttribute(attribute: number): { readonly access: number; readonly memoryType: number } {
  const access = Object.values(accesses).find(([code]) => code === (attribute & ~0xff));
  const memoryType = Object.values(memoryTypes).find((type) => type === (attribute & 0xff));
  if (Number.isInteger(attribute) && access !== undefined && memoryType !== undefined) {
    return { access: access[1], memoryType };
  }
  throw new VmcsError(
    `unsupported memory attribute 0x${attribute.toString(16)}; wanted rw 0x1xx, re 0x2xx, ro 0x3xx, eo 0x4xx, pt 0x5xx or tp 0x6xx plus a memory type (0, 1, 4, 5, 6)`,
  );
}
