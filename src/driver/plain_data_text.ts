// SPDX-License-Identifier: LGPL-2.1-only
// Plain data as JSON, as `structuredClone` would copy it. What JSON has no word for is a list that begins with the name of its type; a list is one too.

const typedArrays = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

type TypedArrayName = keyof typeof typedArrays;

const isTypedArrayName = (name: unknown): name is TypedArrayName =>
  typeof name === 'string' && Object.keys(typedArrays).includes(name);

const byte = (value: number): string => value.toString(16).padStart(2, '0');

function hexOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Array.from(new Uint8Array(buffer, byteOffset, byteLength), byte).join('');
}

function encodeNumber(value: number): unknown {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', Object.is(value, -0) ? '-0' : `${value}`];
}

function encodeObject(value: object): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(encode)];
  if (value instanceof Map) return ['Map', ...[...value].map(([key, each]) => [encode(key), encode(each)])];
  if (value instanceof Set) return ['Set', ...[...value].map(encode)];
  if (ArrayBuffer.isView(value)) return [value.constructor.name, hexOf(value)];
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encode(each)]));
}

function encode(value: unknown): unknown {
  if (value === undefined) return ['undefined'];
  if (typeof value === 'bigint') return ['bigint', value.toString()];
  if (typeof value === 'number') return encodeNumber(value);
  return typeof value === 'object' && value !== null ? encodeObject(value) : value;
}

/** Precondition: the value is plain data, such as `Driver.save` gives. */
export function plainDataToText(value: unknown): string {
  return JSON.stringify(encode(value));
}

function bytesOf(hex: unknown): ArrayBuffer {
  if (typeof hex !== 'string' || !/^([0-9a-f]{2})*$/.test(hex)) throw new Error('bytes are not written in hexadecimal');
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  return bytes.buffer;
}

function entryOf(value: unknown): [unknown, unknown] {
  if (!Array.isArray(value) || value.length !== 2) throw new Error('an entry of a Map has no key and value');
  return [decode(value[0]), decode(value[1])];
}

function bigintOf(value: unknown): bigint {
  if (typeof value !== 'string' || !/^-?[0-9]{1,100}$/.test(value)) throw new Error('a bigint is no whole number');
  return BigInt(value);
}

function numberOf(value: unknown): number {
  if (!['-0', 'NaN', 'Infinity', '-Infinity'].includes(value as string)) throw new Error('a number is no number');
  return Number(value);
}

function decodeList([type, ...rest]: readonly unknown[]): unknown {
  if (isTypedArrayName(type)) return new typedArrays[type](bytesOf(rest[0]));
  switch (type) {
    case 'list':
      return rest.map(decode);
    case 'Map':
      return new Map(rest.map(entryOf));
    case 'Set':
      return new Set(rest.map(decode));
    case 'undefined':
      return undefined;
    case 'bigint':
      return bigintOf(rest[0]);
    case 'number':
      return numberOf(rest[0]);
    default:
      throw new Error(`there is no type ${JSON.stringify(type)}`);
  }
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return decodeList(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decode(each)]));
}

/** @throws Error that says what is wrong with the text */
export function plainDataFromText(text: string): unknown {
  return decode(JSON.parse(text));
}
