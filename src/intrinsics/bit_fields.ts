// SPDX-License-Identifier: LGPL-2.1-only

/** One named bit or run of bits of a register, MSR, CPUID register or VMCS field. Positions count from 0, both ends belong to it. */
export interface BitField {
  /** snake_case, the SDM's word. A prefix before a dot tells apart layouts that share one field (`mov_dr.debug_register_number`). */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** The bits themselves where they are not one run (reserved bits, mostly). */
  readonly mask?: bigint;
  /** Names of the values that it can take. */
  readonly values?: Readonly<Record<string, number>>;
}

/** `GuestCr3` → `guest_cr3`: how dumps and `describe` spell the names that code spells in PascalCase. */
export function snakeCase(pascalCase: string): string {
  return pascalCase.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

/** A run of bits; `from` alone is one bit. */
export function bits(
  name: string,
  from: number,
  to: number = from,
  values?: Readonly<Record<string, number>>,
): BitField {
  return values === undefined ? { name, from, to } : { name, from, to, values };
}

/** Bits that are not one run, by their mask. */
export function scattered(name: string, mask: bigint): BitField {
  let from = 0;
  while (((mask >> BigInt(from)) & 1n) === 0n) from++;
  let to = 63;
  while (((mask >> BigInt(to)) & 1n) === 0n) to--;
  return { name, from, to, mask };
}

/** The bit fields that a table of 32-bit masks (`Cr0`, `PinBasedControl` …) names: one definition serves code and `describe`. */
export function bitFieldsOf(masks: Readonly<Record<string, number>>): BitField[] {
  return Object.entries(masks).map(([name, mask]) => {
    const from = 31 - Math.clz32(mask & -mask);
    return { name: snakeCase(name), from, to: 31 - Math.clz32(mask) };
  });
}

/** The mask of a bit field, of up to 64 bits. */
export function maskOf(field: BitField): bigint {
  return field.mask ?? ((1n << BigInt(field.to - field.from + 1)) - 1n) << BigInt(field.from);
}

/** The value of a bit field inside `value`, shifted down to bit 0. */
export function extract(field: BitField, value: bigint): bigint {
  return (value & maskOf(field)) >> BigInt(field.from);
}

/** `value` with the bit field replaced by `part` (which is cut to the field's width). */
export function insert(field: BitField, value: bigint, part: bigint): bigint {
  const mask = maskOf(field);
  return (value & ~mask) | ((part << BigInt(field.from)) & mask);
}
