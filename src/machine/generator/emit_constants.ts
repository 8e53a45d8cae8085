// SPDX-License-Identifier: LGPL-2.1-only

/** A group of numbers, and the AssemblyScript type that the core uses them with. */
export interface Group {
  readonly type: 'u32' | 'u64';
  readonly numbers: Readonly<Record<string, number>>;
}

export const word = (numbers: Readonly<Record<string, number>>): Group => ({ type: 'u32', numbers });

/** Numbers that the core uses with words of 64 bits: `~` of them keeps the upper half. */
export const wide = (numbers: Readonly<Record<string, number>>): Group => ({ type: 'u64', numbers });

/** An AssemblyScript constant that asc inlines. */
export const constant = (name: string, type: string, value: number): string =>
  `@inline export const ${name}: ${type} = 0x${(value < 0 ? value >>> 0 : value).toString(16)};`;

/** An AssemblyScript namespace of such constants. */
export function namespace(name: string, { type, numbers }: Group): string {
  const lines = Object.entries(numbers).map(([member, value]) => `  ${constant(member, type, value)}`);
  return `export namespace ${name} {\n${lines.join('\n')}\n}`;
}
