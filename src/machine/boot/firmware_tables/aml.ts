// SPDX-License-Identifier: LGPL-2.1-only
// ACPI Machine Language, as far as our tables need it. ACPI Specification 6.5, "ACPI Machine Language (AML) Specification".

/** Bytes of encoded AML: a term or a data object. */
export type Aml = readonly number[];

const Opcode = {
  Zero: 0x00,
  One: 0x01,
  Name: 0x08,
  Byte: 0x0a,
  Word: 0x0b,
  DoubleWord: 0x0c,
  Scope: 0x10,
  Buffer: 0x11,
  Package: 0x12,
  DualName: 0x2e,
  Extended: 0x5b,
  Device: 0x82,
} as const;

const littleEndian = (value: number, size: number): Aml =>
  Array.from({ length: size }, (_, i) => (value >>> (8 * i)) & 0xff);

/** An integer of at most 32 bits, in the shortest form. */
export function integer(value: number): Aml {
  if (value <= 1) return [value === 0 ? Opcode.Zero : Opcode.One];
  if (value <= 0xff) return [Opcode.Byte, value];
  if (value <= 0xffff) return [Opcode.Word, ...littleEndian(value, 2)];
  return [Opcode.DoubleWord, ...littleEndian(value, 4)];
}

/** A path such as `\_SB.PCI0`, of one or two segments. */
function path(text: string): Aml {
  const root = text.startsWith('\\') ? [0x5c] : [];
  const segments = text
    .replace('\\', '')
    .split('.')
    .map((segment) => [...segment.padEnd(4, '_')].map((letter) => letter.charCodeAt(0)));
  return [...root, ...(segments.length === 2 ? [Opcode.DualName] : []), ...segments.flat()];
}

/** A length that counts itself, then what it counts. */
function withLength(body: Aml): Aml {
  if (body.length + 1 <= 0x3f) return [body.length + 1, ...body];
  const following = body.length + 2 <= 0xfff ? 1 : body.length + 3 <= 0xfffff ? 2 : 3;
  const length = body.length + 1 + following;
  return [(following << 6) | (length & 0xf), ...littleEndian(length >>> 4, following), ...body];
}

/** `Name (path, value)` */
export const named = (name: string, value: Aml): Aml => [Opcode.Name, ...path(name), ...value];

/** `Scope (path) { … }` */
export const scope = (name: string, ...terms: readonly Aml[]): Aml => [
  Opcode.Scope,
  ...withLength([...path(name), ...terms.flat()]),
];

/** `Device (name) { … }` */
export const device = (name: string, ...terms: readonly Aml[]): Aml => [
  Opcode.Extended,
  Opcode.Device,
  ...withLength([...path(name), ...terms.flat()]),
];

/** `Package () { … }` of at most 255 elements. */
export const packageOf = (elements: readonly Aml[]): Aml => [
  Opcode.Package,
  ...withLength([elements.length, ...elements.flat()]),
];

/** `EisaId ("PNP0A03")`: three letters of 5 bits, four hexadecimal digits, in big-endian order. */
export function eisaId(id: string): Aml {
  const [first, second, third] = [...id].map((letter) => letter.charCodeAt(0) - 0x40);
  const letters = (first! << 10) | (second! << 5) | third!;
  const digits = parseInt(id.slice(3), 16);
  return [Opcode.DoubleWord, letters >> 8, letters & 0xff, digits >> 8, digits & 0xff];
}

/** `ResourceTemplate () { … }` */
export function resources(...descriptors: readonly Aml[]): Aml {
  const endTag = [0x79, 0];
  const bytes = [...descriptors.flat(), ...endTag];
  return [Opcode.Buffer, ...withLength([...integer(bytes.length), ...bytes])];
}

/** An inclusive range of numbers. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** Both ends of the range are fixed, and the bridge produces it. */
const FIXED_RANGE = 0x0c;

/** An address space descriptor. @param size bytes of each of its five numbers */
function addressSpace(tag: number, size: 2 | 4, type: number, typeFlags: number, { first, last }: Range): Aml {
  const numbers = [0, first, last, 0, last - first + 1].flatMap((value) => littleEndian(value, size));
  return [tag, ...littleEndian(3 + numbers.length, 2), type, FIXED_RANGE, typeFlags, ...numbers];
}

/** `DWordMemory`: memory that a bridge forwards, not cacheable, read and write. */
export const memoryWindow = (range: Range): Aml => addressSpace(0x87, 4, 0, 1, range);

/** `WordIO`: ports that a bridge forwards, ISA and others. */
export const portWindow = (range: Range): Aml => addressSpace(0x88, 2, 1, 3, range);

/** `WordBusNumber`: the buses behind a bridge. */
export const busNumbers = (range: Range): Aml => addressSpace(0x88, 2, 2, 0, range);

/** `IO`: ports that the device itself has, decoded in 16 bits. */
export const ports = (first: number, count: number): Aml => [
  0x47, 1, ...littleEndian(first, 2), ...littleEndian(first, 2), 1, count,
]; // prettier-ignore

/** `Memory32Fixed`: addresses that the device itself has, read and write. */
export const memoryRange = (first: number, bytes: number): Aml => [
  0x86, ...littleEndian(9, 2), 1, ...littleEndian(first, 4), ...littleEndian(bytes, 4),
]; // prettier-ignore

/** `IRQNoFlags`: an interrupt of the ISA bus, edge-triggered and active high. */
export const interrupt = (irq: number): Aml => [0x22, ...littleEndian(1 << irq, 2)];
