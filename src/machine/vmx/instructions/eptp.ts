// SPDX-License-Identifier: LGPL-2.1-only

/**
 * Whether a VM entry with "enable EPT" would accept an EPT pointer: memory type 0 or 6, walk length 4, reserved bits 0.
 * SDM 3C "Extended-Page-Table Pointer (EPTP)".
 */
export function isValidEptp(low: number, high: number, physicalAddressWidth: number): boolean {
  const type = low & 7;
  if (type !== 0 && type !== 6) return false;
  if (((low >>> 3) & 7) !== 3 || (low & 0xf80) !== 0) return false;
  return high >>> (physicalAddressWidth - 32) === 0;
}
