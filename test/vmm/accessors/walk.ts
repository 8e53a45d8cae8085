// SPDX-License-Identifier: LGPL-2.1-only
// Walks the bit fields of a word through its public accessors and looks at the word itself. Masks are computed here a second time, from the
// positions alone: a wrong mask in the product cannot hide.
import type { BitField } from '../../../src/intrinsics/bit_fields.js';
import { ProcessorFault, ReadOnlyError } from '../../../src/intrinsics/errors.js';

/** The members of all accessors, as a walk sees them. */
export interface AnyAccessor {
  readonly name: string;
  exists(): boolean;
  get(): bigint;
  getIfExists(): bigint;
  set(value: bigint): void;
  setIfExists(value: bigint): void;
  isEnabled(): boolean;
  isDisabled(): boolean;
  isEnabledIfExists(): boolean;
  isDisabledIfExists(): boolean;
  enable(): void;
  disable(): void;
  enableIfExists(): void;
  disableIfExists(): void;
  isAllowed0(): boolean;
  isAllowed1(): boolean;
  enableIfAllowed(): boolean;
  disableIfAllowed(): boolean;
  description(): string;
  descriptionIfExists(): string;
}

/** A word without accessors: VMREAD and VMWRITE, RDMSR and WRMSR, moves. They throw ProcessorFault if the processor refuses. */
export interface Raw {
  read(): bigint;
  write(value: bigint): void;
}

const inCamelCase = (name: string): string =>
  name
    .split('_')
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');

/** The accessor that a definition's name leads to: `pa0.memory_type` is `.pa0.memoryType`. */
export function accessorOf(root: object, name: string): AnyAccessor {
  let node: unknown = root;
  for (const part of name.split('.'))
    node = (node as Readonly<Record<string, unknown>> | undefined)?.[inCamelCase(part)];
  if (node === undefined) throw new Error(`no accessor leads to ${name}`);
  return node as AnyAccessor;
}

/** The bits of a field, one by one. */
export function bitsOf(field: BitField, width: number): bigint {
  let mask = 0n;
  for (let bit = field.from; bit <= field.to && bit < width; bit++) {
    const isPart = field.mask === undefined || ((field.mask >> BigInt(bit)) & 1n) !== 0n;
    if (isPart) mask |= 1n << BigInt(bit);
  }
  return mask;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What is wrong with the `get` forms of a field while the word holds `value`. */
export function faultsOfReading(accessor: AnyAccessor, field: BitField, width: number, value: bigint): string[] {
  const wanted = (value & bitsOf(field, width)) >> BigInt(field.from);
  const faults: string[] = [];
  const want = (what: string, found: unknown, expected: unknown): void => {
    if (found !== expected)
      faults.push(`${field.name}.${what} of ${hex(value)}: ${String(found)}, not ${String(expected)}`);
  };
  want('name', accessor.name, field.name);
  want('get', accessor.get(), wanted);
  want('getIfExists', accessor.getIfExists(), wanted);
  if (field.kind === 'run') {
    want('enable', 'enable' in accessor, false);
    return faults;
  }
  want('isEnabled', accessor.isEnabled(), wanted === 1n);
  want('isDisabled', accessor.isDisabled(), wanted === 0n);
  want('isEnabledIfExists', accessor.isEnabledIfExists(), wanted === 1n);
  want('isDisabledIfExists', accessor.isDisabledIfExists(), wanted === 0n);
  return faults;
}

/** Whether the word itself takes a value, and holds it then. */
function takes(raw: Raw, value: bigint): boolean {
  try {
    raw.write(value);
    return raw.read() === value;
  } catch (error) {
    if (error instanceof ProcessorFault) return false;
    throw error;
  }
}

/** What is wrong with every way to write a field's bits, and how many fields the processor lets software write. */
export function faultsOfWriting(
  accessor: AnyAccessor,
  field: BitField,
  width: number,
  raw: Raw,
): { readonly faults: string[]; readonly written: number } {
  const before = raw.read();
  // One bit of a field is changed where not every value is allowed (memory types), all of them where it is.
  const mask = bitsOf(field, width);
  const candidates = [mask, mask & -mask].map((bits) => before ^ bits);
  const after = candidates.find((value) => value !== before && takes(raw, value));
  if (raw.read() !== before) raw.write(before);
  if (after === undefined) return { faults: [], written: 0 };

  const faults: string[] = [];
  const part = (value: bigint): bigint => (value & mask) >> BigInt(field.from);
  const expectWord = (what: string, act: () => void, wanted: bigint): void => {
    act();
    if (raw.read() !== wanted) faults.push(`${field.name}.${what}: ${hex(raw.read())}, not ${hex(wanted)}`);
    faults.push(...faultsOfReading(accessor, field, width, wanted));
  };
  expectWord('set', () => accessor.set(part(after)), after);
  expectWord('set back', () => accessor.set(part(before)), before);
  expectWord('setIfExists', () => accessor.setIfExists(part(after)), after);
  if (field.kind !== 'run') {
    const [set, cleared] = part(after) === 1n ? [after, before] : [before, after];
    expectWord('enable', () => accessor.enable(), set);
    expectWord('disable', () => accessor.disable(), cleared);
    expectWord('enableIfExists', () => accessor.enableIfExists(), set);
    expectWord('disableIfExists', () => accessor.disableIfExists(), cleared);
  }
  raw.write(before);
  return { faults, written: 1 };
}

/** Whether `act` throws an error of this class with this text. */
export function throws(act: () => unknown, type: abstract new (...values: never[]) => Error, text = ''): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return error instanceof type && error.message.includes(text);
  }
}

/** What is wrong with a read-only word, and with its bits. */
export function faultsOfReadOnly(word: AnyAccessor, fields: readonly BitField[], what: string): string[] {
  const faults = throws(() => word.set(0n), ReadOnlyError, 'read-only') ? [] : [`${what}.set: no ReadOnlyError`];
  for (const field of fields) {
    if (!throws(() => accessorOf(word, field.name).set(0n), ReadOnlyError)) faults.push(`${what}.${field.name}.set`);
  }
  return faults;
}

/** Fails if an accessor reaches for another register than its own. */
export function onlyAt(wanted: number | string, found: number | string): void {
  if (found !== wanted) throw new Error(`reached for ${found} instead of ${wanted}`);
}

/** A whole word as a field. */
export const wholeWord = (name: string, width: number): BitField => ({ name, kind: 'run', from: 0, to: width - 1 });
