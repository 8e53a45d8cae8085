// SPDX-License-Identifier: LGPL-2.1-only
// The types of accessors, which follow from the definitions. A name that no definition has is a compile error. Read-only words have no `set`.
import type { BitField, BitKind } from '../bit_fields.js';

/**
 * A register, MSR, VMCS field or run of bits that software can read.
 *
 * @typeParam V names of its values, if they have any.
 */
export interface ReadOnlyBitsAccess<V extends string = never> {
  /** snake_case, as dumps and `describe` spell it. */
  readonly name: string;
  /** Whether the processor has the register or field that it is part of. */
  exists(): boolean;
  /** @throws VmcsError "… field doesn't exist", ProcessorFault if the MSR or register does not exist. */
  get(): bigint;
  /** 0 if it does not exist. @param verbose warn then. */
  getIfExists(verbose?: boolean): bigint;
  /** Whether it holds the value of this name. */
  is(value: V): boolean;
  /** The meaning of its value: a sentence or the value's name if there is one, else the number. */
  description(): string;
  /** An empty text if it does not exist. @param verbose warn then. */
  descriptionIfExists(verbose?: boolean): string;
}

/** The same for words that software can write. */
export interface BitsAccess<V extends string = never> extends ReadOnlyBitsAccess<V> {
  /** @param value a number that fits, or the name of a value. @throws ValueRangeError, or what `get` throws. */
  set(value: bigint | V): void;
  /** Nothing happens if it does not exist. @param verbose warn then. */
  setIfExists(value: bigint | V, verbose?: boolean): void;
}

/** A whole word can be dumped. */
export interface DumpAccess {
  /**
   * Its name and value, then a line for each bit that is 1 and each run that is not 0; for a capability MSR, the settings that it allows for each
   * control. "doesn't exist" if it does not.
   */
  dump(): string;
}

/** One bit that software can read. */
export interface ReadOnlyBitAccess extends ReadOnlyBitsAccess {
  isEnabled(): boolean;
  isDisabled(): boolean;
  /** False if it does not exist. */
  isEnabledIfExists(verbose?: boolean): boolean;
  /** True if it does not exist, because it is not enabled then. */
  isDisabledIfExists(verbose?: boolean): boolean;
}

/** One bit that software can write. */
export interface BitAccess extends BitsAccess, ReadOnlyBitAccess {
  enable(): void;
  disable(): void;
  enableIfExists(verbose?: boolean): void;
  disableIfExists(verbose?: boolean): void;
}

/** One VMX control: its capability MSR says whether it may be 0 and 1. */
export interface ControlBitAccess extends BitAccess {
  isAllowed0(): boolean;
  isAllowed1(): boolean;
  /** @throws VmcsError "control is not allowed to be set to 1". */
  enable(): void;
  /** @throws VmcsError "control is not allowed to be cleared to 0". */
  disable(): void;
  /** @param verbose warn if it is not allowed. @returns whether it is 1 now. */
  enableIfAllowed(verbose?: boolean): boolean;
  /** @param verbose warn if it is not allowed. @returns whether it is 0 now. */
  disableIfAllowed(verbose?: boolean): boolean;
}

/** A VMX control in a capability MSR. */
export interface CapabilityBitAccess {
  /** snake_case, as dumps and `describe` spell it. */
  readonly name: string;
  isAllowed0(): boolean;
  isAllowed1(): boolean;
}

/** What software may do with a word: read and write it, read it, or learn from it which controls are allowed. */
export type AccessMode = 'rw' | 'ro' | 'capability';

/** The type of `camelCase(name)`: `guest_ia32_pat` → `guestIa32Pat`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type Leaf<M extends AccessMode, K extends BitKind, V extends string> = M extends 'capability'
  ? CapabilityBitAccess
  : M extends 'ro'
    ? K extends 'run'
      ? ReadOnlyBitsAccess<V>
      : ReadOnlyBitAccess
    : K extends 'control'
      ? ControlBitAccess
      : K extends 'bit'
        ? BitAccess
        : BitsAccess<V>;

type HeadOf<Name extends string> = Name extends `${infer Head}.${string}` ? Head : Name;

/** The accessor of the field that has exactly this name; of a name that only groups others, unknown. */
type LeafNamed<F, Name extends string, M extends AccessMode> = [Named<F, Name, M>] extends [never]
  ? unknown
  : Named<F, Name, M>;
type Named<F, Name extends string, M extends AccessMode> =
  F extends BitField<infer N, infer K, infer V> ? (Name extends N ? Leaf<M, K, V> : never) : never;

/** The fields whose names begin with `Head.`, without it. */
type Below<F, Head extends string> = F extends BitField<infer N, infer K, infer V> ? Rest<N, Head, K, V> : never;
type Rest<
  N extends string,
  Head extends string,
  K extends BitKind,
  V extends string,
> = N extends `${Head}.${infer Tail}` ? BitField<Tail, K, V> : never;

type NameOf<F> = F extends BitField<infer N, BitKind, infer _V> ? N : never;

/** Accessors of bit fields by name; a name with a dot is a name within a name. */
export type BitAccessors<F, M extends AccessMode> = {
  readonly [Head in HeadOf<NameOf<F>> as CamelCase<Head>]: LeafNamed<F, Head, M> &
    ([Below<F, Head>] extends [never] ? unknown : BitAccessors<Below<F, Head>, M>);
};

/** The accessor of a whole word, with one for each of its bit fields. */
export type WordAccessors<F, M extends AccessMode, V extends string = never> = (M extends 'rw'
  ? BitsAccess<V>
  : ReadOnlyBitsAccess<V>) &
  DumpAccess &
  BitAccessors<F, M>;

/** The bit fields that a table has for a name. */
export type FieldsOf<Table, Name> = Name extends keyof Table
  ? Table[Name] extends readonly (infer F)[]
    ? F
    : never
  : never;
