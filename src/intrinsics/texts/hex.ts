// SPDX-License-Identifier: LGPL-2.1-only

/** `0x` and lower-case hexadecimal digits, as messages spell addresses and values. */
export function hex(value: bigint | number, digits = 0): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
