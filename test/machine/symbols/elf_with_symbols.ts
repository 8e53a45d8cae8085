// SPDX-License-Identifier: LGPL-2.1-only

/** A symbol of a made-up ELF file. */
export interface MadeSymbol {
  readonly name: string;
  readonly value: bigint;
  /** STT_FUNC unless told otherwise. */
  readonly type?: number;
  /** The number of its section, 1 unless told otherwise. */
  readonly section?: number;
}

/** An ELF file that has nothing but section headers, a symbol table and its names, in this order behind the ELF header. */
export function elfWithSymbols(bits: 32 | 64, symbols: readonly MadeSymbol[]): Uint8Array {
  const wide = bits === 64;
  const [header, section, row] = wide ? [64, 64, 24] : [52, 40, 16];
  const names = `\0${symbols.map(({ name }) => `${name}\0`).join('')}`;
  const table = header + 3 * section;
  const texts = table + row * symbols.length;
  const bytes = new Uint8Array(texts + names.length);
  const data = new DataView(bytes.buffer);
  const long = (at: number, value: number | bigint): void =>
    wide ? data.setBigUint64(at, BigInt(value), true) : data.setUint32(at, Number(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  data.setUint16(18, wide ? 62 : 3, true);
  long(wide ? 40 : 32, header);
  data.setUint16(wide ? 58 : 46, section, true);
  data.setUint16(wide ? 60 : 48, 3, true);
  const headerOf = (index: number, type: number, offset: number, size: number): void => {
    const at = header + section * index;
    data.setUint32(at + 4, type, true);
    long(at + (wide ? 24 : 16), offset);
    long(at + (wide ? 32 : 20), size);
    data.setUint32(at + (wide ? 40 : 24), 2, true);
  };
  headerOf(1, 2, table, row * symbols.length);
  headerOf(2, 3, texts, names.length);
  bytes.set(Buffer.from(names, 'latin1'), texts);
  let name = 1;
  symbols.forEach((symbol, index) => {
    const at = table + row * index;
    data.setUint32(at, name, true);
    bytes[at + (wide ? 4 : 12)] = 0x10 | (symbol.type ?? 2);
    data.setUint16(at + (wide ? 6 : 14), symbol.section ?? 1, true);
    long(at + (wide ? 8 : 4), symbol.value);
    name += symbol.name.length + 1;
  });
  return bytes;
}
