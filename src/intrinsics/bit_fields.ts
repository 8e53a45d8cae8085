// SPDX-License-Identifier: LGPL-2.1-only

/** What a bit field is: one bit, a run of bits that holds a value, or a control whose capability MSR says which settings it may have. */
export type BitKind = 'bit' | 'run' | 'control';

/**
 * One named bit or run of bits of a register, MSR, CPUID register or VMCS field. Positions count from 0; both ends belong to it. Its name,
 * its kind and the names of its values are part of its type, from which accessors get their types.
 */
export interface BitField<N extends string = string, K extends BitKind = BitKind, V extends string = string> {
  /** snake_case, the SDM's word. A prefix before a dot tells apart layouts that share one field (`mov_dr.debug_register_number`). */
  readonly name: N;
  readonly kind: K;
  readonly from: number;
  readonly to: number;
  /** The bits themselves where they are not one run (reserved bits, mostly). */
  readonly mask?: bigint;
  /** Names of the values that it can take. */
  readonly values?: Readonly<Record<V, number>> | undefined;
  /** What a value means, if its name does not say it. */
  readonly meaning?: ((value: number) => string) | undefined;
}

/** Names of values. */
export type ValueNames = Readonly<Record<string, number>>;

type Words<S extends string, Before extends string, Done extends string> = S extends `${infer C}${infer Rest}`
  ? Words<
      Rest,
      C,
      `${Done}${C extends Lowercase<C> ? C : Before extends Lowercase<Before> ? `_${Lowercase<C>}` : Lowercase<C>}`
    >
  : Done;

/** The type of `snakeCase(name)`. */
export type SnakeCase<Name extends string> = Words<Name, 'A', ''>;

/** `GuestCr3` → `guest_cr3`: how dumps and `describe` spell the names that code spells in PascalCase. */
export function snakeCase<const N extends string>(pascalCase: N): SnakeCase<N> {
  return pascalCase.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase() as SnakeCase<N>;
}

/** One bit. */
export function bits<const N extends string>(name: N, position: number): BitField<N, 'bit', never>;
/** A run of bits, whose values may have names. */
export function bits<const N extends string, const V extends string = never>(
  name: N,
  from: number,
  to: number,
  values?: Readonly<Record<V, number>>,
): BitField<N, 'run', V>;
export function bits(name: string, from: number, to?: number, values?: ValueNames): BitField {
  const field: BitField = { name, kind: to === undefined ? 'bit' : 'run', from, to: to ?? from };
  return values === undefined ? field : { ...field, values };
}

/** Bits that are not one run, by their mask. */
export function scattered<const N extends string>(name: N, mask: bigint): BitField<N, 'run', never> {
  let from = 0;
  while (((mask >> BigInt(from)) & 1n) === 0n) from++;
  let to = 63;
  while (((mask >> BigInt(to)) & 1n) === 0n) to--;
  return { name, kind: 'run', from, to, mask };
}

function fieldOf<N extends string, K extends BitKind>(name: N, kind: K, mask: number): BitField<N, K, never> {
  return { name, kind, from: 31 - Math.clz32(mask & -mask), to: 31 - Math.clz32(mask) };
}

/** The bit fields of a table of masks, of which those named `R` are runs. */
export type MaskField<M, R extends string = never> =
  | BitField<SnakeCase<Exclude<keyof M & string, R>>, 'bit', never>
  | ([R] extends [never] ? never : BitField<SnakeCase<R>, 'run', never>);

/**
 * The bit fields that a table of 32-bit masks (`Cr0`, `FeatureControl` …) names: one definition serves code, accessors and `describe`.
 *
 * @param runs the names of masks with more than one bit: the type of a mask does not show that.
 * @throws Error if a mask is one bit and named in `runs`, or is not and is not named.
 */
export function bitFieldsOf<const M extends ValueNames, const R extends keyof M & string = never>(
  masks: M,
  runs: readonly R[] = [],
): readonly MaskField<M, R>[] {
  return Object.entries(masks).map(([name, mask]) => {
    const isRun = (mask & (mask - 1)) !== 0;
    if (isRun !== runs.some((run) => run === name)) {
      throw new Error(
        `${name} (0x${mask.toString(16)}) is ${isRun ? 'a run of bits: name' : 'one bit: do not name'} it in runs`,
      );
    }
    return fieldOf(snakeCase(name), isRun ? 'run' : 'bit', mask);
  }) as unknown as readonly MaskField<M, R>[];
}

/** The controls that a table of masks names. */
export function controlsOf<const M extends ValueNames>(
  masks: M,
): readonly BitField<SnakeCase<keyof M & string>, 'control', never>[] {
  return Object.entries(masks).map(([name, mask]) =>
    fieldOf(snakeCase(name) as SnakeCase<keyof M & string>, 'control', mask),
  );
}

/** The names of values as bit fields spell them: `{ WriteBack: 6 }` → `{ write_back: 6 }`. */
export function valuesOf<const T extends ValueNames>(values: T): Readonly<Record<SnakeCase<keyof T & string>, number>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [snakeCase(name), value])) as Readonly<
    Record<SnakeCase<keyof T & string>, number>
  >;
}

/** A bit field without the names `X`: no field if none is left. */
type Without<F, X extends string> =
  F extends BitField<infer N, infer K, infer V>
    ? [Exclude<N, X>] extends [never]
      ? never
      : BitField<Exclude<N, X>, K, V>
    : never;

/** Gives names to the values of some fields. Such a field counts as a run, even if it has one bit. */
export function withValues<F extends BitField, const T extends Readonly<Record<string, ValueNames>>>(
  fields: readonly F[],
  values: T & Readonly<Record<Exclude<keyof T, F['name']>, never>>,
): readonly (
  Without<F, keyof T & string> | { [N in keyof T & string]: BitField<N, 'run', keyof T[N] & string> }[keyof T & string]
)[] {
  return fields.map((field) =>
    field.name in values ? { ...field, kind: 'run', values: values[field.name] } : field,
  ) as never;
}

/** The fields `F`, each name behind `P.`. */
export type Prefixed<P extends string, F> =
  F extends BitField<infer N, infer K, infer V> ? BitField<`${P}.${N}`, K, V> : never;

/** The same layout under each of some names. */
export function prefixed<const P extends string, F extends BitField>(
  prefixes: readonly P[],
  fields: readonly F[],
): readonly Prefixed<P, F>[] {
  return prefixes.flatMap((prefix) =>
    fields.map((field) => ({ ...field, name: `${prefix}.${field.name}` })),
  ) as unknown as readonly Prefixed<P, F>[];
}

/** The fields of the low half of a word as those of its high half. */
export function inHighHalf<F extends BitField>(fields: readonly F[]): readonly F[] {
  return fields.map((field) => ({ ...field, from: field.from + 32, to: field.to + 32 }));
}

/** The mask of a bit field, of up to 64 bits. */
export function maskOf(field: BitField): bigint {
  return field.mask ?? ((1n << BigInt(field.to - field.from + 1)) - 1n) << BigInt(field.from);
}

/** The value of a bit field inside `value`, shifted down to bit 0. */
export function extract(field: BitField, value: bigint): bigint {
  return (value & maskOf(field)) >> BigInt(field.from);
}
