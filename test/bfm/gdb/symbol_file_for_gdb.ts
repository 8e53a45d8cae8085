// SPDX-License-Identifier: LGPL-2.1-only

/** A section as its header has it. SHT_NOBITS is 8, SHT_SYMTAB 2, SHT_STRTAB 3. */
interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly address?: bigint;
  readonly data?: Uint8Array;
  /** In memory, if there is no data. */
  readonly size?: bigint;
  readonly link?: number;
  readonly info?: number;
  readonly entry?: number;
}

const [HEADER, SECTION, SYMBOL] = [64, 64, 24];
/** SHF_ALLOC and SHF_EXECINSTR. */
const CODE = 6;
/** STB_GLOBAL and STT_FUNC. */
const GLOBAL_FUNCTION = 0x12;

/** Texts with a zero behind each, from offset 1 on, and where each is. */
function strings(texts: readonly string[]): { data: Uint8Array; at: number[] } {
  let next = 1;
  const at = texts.map((text) => ((next += text.length + 1), next - text.length - 1));
  return { data: Buffer.from(`\0${texts.map((text) => `${text}\0`).join('')}`, 'latin1'), at };
}

function symbolTable(symbols: readonly (readonly [string, bigint])[], names: readonly number[]): Uint8Array {
  const table = Buffer.alloc(SYMBOL * (symbols.length + 1));
  symbols.forEach(([, address], n) => {
    const row = SYMBOL * (n + 1);
    table.writeUInt32LE(names[n]!, row);
    table[row + 4] = GLOBAL_FUNCTION;
    table.writeUInt16LE(1, row + 6);
    table.writeBigUInt64LE(address, row + 8);
  });
  return table;
}

/** An ELF file for x86-64 with the names of functions and nothing else, as `file` of GDB takes it. */
export function symbolFileForGdb(functions: Readonly<Record<string, bigint>>): Uint8Array {
  const symbols = Object.entries(functions);
  const addresses = symbols.map(([, address]) => address).sort((one, other) => (one < other ? -1 : 1));
  const [first, last] = [addresses[0]!, addresses.at(-1)!];
  const texts = strings(symbols.map(([name]) => name));
  const sections: Section[] = [
    { name: '', type: 0 },
    { name: '.text', type: 8, flags: CODE, address: first, size: last - first + 0x1000n },
    { name: '.symtab', type: 2, data: symbolTable(symbols, texts.at), link: 3, info: 1, entry: SYMBOL },
    { name: '.strtab', type: 3, data: texts.data },
  ];
  const titles = strings([...sections.map(({ name }) => name), '.shstrtab']);
  sections.push({ name: '.shstrtab', type: 3, data: titles.data });
  const header = Buffer.alloc(HEADER);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  // ET_EXEC for EM_X86_64.
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(HEADER), 40);
  header.writeUInt16LE(HEADER, 52);
  header.writeUInt16LE(SECTION, 58);
  header.writeUInt16LE(sections.length, 60);
  header.writeUInt16LE(sections.length - 1, 62);
  const table = Buffer.alloc(SECTION * sections.length);
  let offset = HEADER + table.length;
  sections.forEach(({ type, flags = 0, address = 0n, data, size, link = 0, info = 0, entry = 0 }, n) => {
    const row = SECTION * n;
    table.writeUInt32LE(titles.at[n]!, row);
    table.writeUInt32LE(type, row + 4);
    table.writeBigUInt64LE(BigInt(flags), row + 8);
    table.writeBigUInt64LE(address, row + 16);
    table.writeBigUInt64LE(BigInt(offset), row + 24);
    table.writeBigUInt64LE(size ?? BigInt(data?.length ?? 0), row + 32);
    table.writeUInt32LE(link, row + 40);
    table.writeUInt32LE(info, row + 44);
    table.writeBigUInt64LE(1n, row + 48);
    table.writeBigUInt64LE(BigInt(entry), row + 56);
    offset += data?.length ?? 0;
  });
  return Buffer.concat([header, table, ...sections.map(({ data }) => data ?? new Uint8Array())]);
}
