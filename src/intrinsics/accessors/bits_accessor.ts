// SPDX-License-Identifier: LGPL-2.1-only
import { maskOf, type BitField, type ValueNames } from '../bit_fields.js';
import { ValueRangeError } from '../errors.js';
import type { BitsAccess } from './accessor_types.js';
import type { WordSource } from './word_source.js';

const signedHex = (value: bigint): string => (value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`);

/** A run of bits within a word. */
export class BitsAccessor implements BitsAccess<string> {
  readonly name: string;
  private readonly mask: bigint;
  private readonly values: ValueNames;

  constructor(
    protected readonly source: WordSource,
    protected readonly field: BitField,
    /** Bits that the word has. Reserved bits are defined as masks of 64 bits, even for narrower words. */
    width: bigint,
  ) {
    this.name = field.name;
    this.mask = maskOf(field) & width;
    this.values = field.values ?? {};
  }

  exists(): boolean {
    return this.source.exists();
  }

  get(): bigint {
    return (this.source.read() & this.mask) >> BigInt(this.field.from);
  }

  getIfExists(verbose = false): bigint {
    return this.isThere(verbose) ? this.get() : 0n;
  }

  is(value: string): boolean {
    return this.get() === this.named(value);
  }

  description(): string {
    const value = this.get();
    const number = Number(value);
    if (this.field.meaning !== undefined) return this.field.meaning(number);
    const name = Object.entries(this.values).find(([, each]) => each === number)?.[0];
    return name ?? `0x${value.toString(16)}`;
  }

  descriptionIfExists(verbose = false): string {
    return this.isThere(verbose) ? this.description() : '';
  }

  set(value: bigint | string): void {
    this.store(this.checked(typeof value === 'bigint' ? value : this.named(value)));
  }

  setIfExists(value: bigint | string, verbose = false): void {
    if (this.isThere(verbose)) this.set(value);
  }

  /** Writes a value that fits. */
  protected store(value: bigint): void {
    this.source.change(this.mask, value << BigInt(this.field.from));
  }

  protected isThere(verbose: boolean): boolean {
    const exists = this.source.exists();
    if (!exists && verbose) this.source.warn(`${this.source.label} doesn't exist`);
    return exists;
  }

  private checked(value: bigint): bigint {
    if (((value << BigInt(this.field.from)) & ~this.mask) === 0n) return value;
    throw new ValueRangeError(
      `${this.source.label}, ${this.name}: ${signedHex(value)} does not fit into bits ${this.field.to}:${this.field.from} (mask 0x${this.mask.toString(16)})`,
    );
  }

  private named(name: string | number): bigint {
    // bfm runs users' TypeScript without checking its types.
    if (typeof name === 'number')
      throw new ValueRangeError(
        `${this.source.label}, ${this.name}: ${name} is a number; a bigint is wanted: ${name}n`,
      );
    const value = this.values[name];
    if (value !== undefined) return BigInt(value);
    const names = Object.keys(this.values).join(', ');
    throw new ValueRangeError(
      `${this.source.label}, ${this.name}: no value is named '${name}'; ${names === '' ? 'its values have no names' : `the names are ${names}`}`,
    );
  }
}
