// SPDX-License-Identifier: LGPL-2.1-only
// Tables of a Linux kernel's symbols as scripts/kallsyms.c of Linux lays them out, for tests.

/** A symbol of a made-up kernel. */
export interface KernelSymbol {
  readonly address: bigint;
  readonly name: string;
  readonly type?: string;
}

/** The versions of Linux with which a layout began. */
export const layouts = ['6.1', '6.2', '6.4', '6.15', '7.0'] as const;
export type KallsymsLayout = (typeof layouts)[number];

/** Where a made-up kernel is. */
export const KERNEL_TEXT = 0xffffffff81000000n;

/** So many symbols 32 bytes apart from the kernel's first address on, and two names for one of them. */
export function kernelSymbols(count: number, text = KERNEL_TEXT): KernelSymbol[] {
  const functions = Array.from({ length: count }, (_, index) => ({
    address: text + BigInt(32 * index),
    name: `sys_function_${index}`,
  }));
  const aliased = { ...functions[7]!, name: '__x64_alias', type: 'W' };
  const [first] = functions;
  return [{ ...first!, name: '_text' }, ...functions.slice(0, 8), aliased, ...functions.slice(8)];
}

/** Pieces of names that get a token of their own, where the kernel has no character. */
const PIECES = ['sys_', 'function_', '_', 'un', 'ct', 'alias'];

/** A character is its own token if a name has it; the other codes are for pieces of names. */
function tokensOf(texts: readonly string[]): string[] {
  const used = new Set(texts.join('').concat('0123456789'));
  const pieces = [...PIECES];
  return Array.from({ length: 256 }, (_, code) => {
    const character = String.fromCharCode(code);
    return used.has(character) ? character : (pieces.shift() ?? '');
  });
}

/** The longest token first, as any compression of a kernel might. */
function compressed(text: string, tokens: readonly string[]): number[] {
  const codes: number[] = [];
  for (let at = 0; at < text.length;) {
    let best = text.charCodeAt(at);
    tokens.forEach((token, code) => {
      if (token.length > tokens[best]!.length && text.startsWith(token, at)) best = code;
    });
    codes.push(best);
    at += tokens[best]!.length;
  }
  return codes;
}

const lengthBytes = (length: number): number[] => (length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7]);

/** A memory that is written from a place on. */
class Writer {
  private readonly data: DataView;

  constructor(
    private readonly memory: Uint8Array,
    public at: number,
    private readonly alignment: number,
  ) {
    this.data = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  align(): void {
    this.at = Math.ceil(this.at / this.alignment) * this.alignment;
  }

  bytes(values: readonly number[]): void {
    this.memory.set(values, this.at);
    this.at += values.length;
  }

  words(values: readonly number[]): void {
    for (const value of values) {
      this.data.setInt32(this.at, value | 0, true);
      this.at += 4;
    }
  }

  quad(value: bigint): void {
    this.data.setBigUint64(this.at, BigInt.asUintN(64, value), true);
    this.at += 8;
  }
}

/** What is written. */
export interface KallsymsImage {
  readonly symbols: readonly KernelSymbol[];
  readonly layout: KallsymsLayout;
  /** What makes a virtual address from a physical one. */
  readonly virtualOffset: bigint;
}

/** @param at physical address of the first table. @returns the first address behind the last one */
export function writeKallsyms(memory: Uint8Array, at: number, image: KallsymsImage): number {
  const { symbols, layout } = image;
  const writer = new Writer(memory, at, layout === '7.0' ? 4 : 8);
  const texts = symbols.map(({ type = 'T', name }) => type + name);
  const tokens = tokensOf(texts);
  const isOld = layout === '6.1' || layout === '6.2';
  if (isOld) writeOffsets(writer, image);
  writer.align();
  writer.words([symbols.length]);
  writer.align();
  const names = writer.at;
  const markers: number[] = [];
  texts.forEach((text, index) => {
    if (index % 256 === 0) markers.push(writer.at - names);
    const codes = compressed(text, tokens);
    writer.bytes([...lengthBytes(codes.length), ...codes]);
  });
  writer.align();
  writer.words(markers);
  writer.align();
  if (layout === '6.2') writer.bytes(symbols.flatMap((_, index) => [index >> 16, (index >> 8) & 0xff, index & 0xff]));
  writeTokens(writer, tokens);
  if (!isOld) writeOffsets(writer, image);
  return writer.at;
}

function writeTokens(writer: Writer, tokens: readonly string[]): void {
  writer.align();
  const table = writer.at;
  const index = tokens.map((token) => {
    const place = writer.at - table;
    writer.bytes([...Buffer.from(`${token}\0`, 'latin1')]);
    return place;
  });
  writer.align();
  writer.bytes(index.flatMap((place) => [place & 0xff, place >> 8]));
}

function writeOffsets(writer: Writer, { symbols, layout, virtualOffset }: KallsymsImage): void {
  writer.align();
  const base = symbols.find(({ address }) => address >= 1n << 63n)!.address;
  const place = BigInt(writer.at) + virtualOffset;
  const offsets = symbols.map(({ address }, index) => {
    if (layout === '7.0') return Number(address - place) - 4 * index;
    if (layout === '6.15') return Number(address - base);
    return address < 1n << 63n ? Number(address) : Number(base - 1n - address);
  });
  writer.words(offsets);
  if (layout === '7.0') return;
  writer.align();
  writer.quad(base);
}
