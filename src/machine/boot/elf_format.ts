// SPDX-License-Identifier: LGPL-2.1-only
// System V ABI, "Object Files", "Program Loading": what differs between ELF files of 32 and of 64 bits.

export const ElfClass = { BITS_32: 1, BITS_64: 2 } as const;
export const ElfMachine = { I386: 3, X86_64: 62 } as const;
/** Types of program headers. */
export const SegmentType = { LOAD: 1, NOTE: 4 } as const;
/** Types of sections. */
export const SectionType = { SYMTAB: 2 } as const;
/** Numbers of sections that are none: from `RESERVED` on, a symbol's value is no address. */
export const SpecialSection = { UNDEF: 0, RESERVED: 0xff00 } as const;
/** The lower half of a symbol's `INFO`. */
export const SymbolType = { SECTION: 3, FILE: 4, TLS: 6 } as const;

interface HeaderOffsets {
  readonly ENTRY: number;
  /** Offset of the program headers, their size and their number. */
  readonly SEGMENTS: number;
  readonly SEGMENT_BYTES: number;
  readonly SEGMENT_COUNT: number;
  /** The same of the section headers. */
  readonly SECTIONS: number;
  readonly SECTION_BYTES: number;
  readonly SECTION_COUNT: number;
}

interface SegmentOffsets {
  readonly OFFSET: number;
  readonly VIRTUAL: number;
  readonly PHYSICAL: number;
  readonly FILE_BYTES: number;
  readonly MEMORY_BYTES: number;
  readonly ALIGNMENT: number;
}

interface SectionOffsets {
  readonly TYPE: number;
  readonly OFFSET: number;
  readonly FILE_BYTES: number;
  /** Of a table of symbols: the section that has their names. */
  readonly LINK: number;
}

interface SymbolOffsets {
  readonly NAME: number;
  readonly INFO: number;
  readonly SECTION: number;
  readonly VALUE: number;
}

/** Sizes and offsets in a class of ELF files. */
export interface ElfFormat {
  readonly headerBytes: number;
  readonly segmentBytes: number;
  readonly sectionBytes: number;
  readonly symbolBytes: number;
  readonly header: HeaderOffsets;
  readonly segment: SegmentOffsets;
  readonly section: SectionOffsets;
  readonly symbol: SymbolOffsets;
}

export const ELF_32: ElfFormat = {
  headerBytes: 52,
  segmentBytes: 32,
  sectionBytes: 40,
  symbolBytes: 16,
  header: {
    ENTRY: 24,
    SEGMENTS: 28,
    SEGMENT_BYTES: 42,
    SEGMENT_COUNT: 44,
    SECTIONS: 32,
    SECTION_BYTES: 46,
    SECTION_COUNT: 48,
  },
  segment: { OFFSET: 4, VIRTUAL: 8, PHYSICAL: 12, FILE_BYTES: 16, MEMORY_BYTES: 20, ALIGNMENT: 28 },
  section: { TYPE: 4, OFFSET: 16, FILE_BYTES: 20, LINK: 24 },
  symbol: { NAME: 0, VALUE: 4, INFO: 12, SECTION: 14 },
};

export const ELF_64: ElfFormat = {
  headerBytes: 64,
  segmentBytes: 56,
  sectionBytes: 64,
  symbolBytes: 24,
  header: {
    ENTRY: 24,
    SEGMENTS: 32,
    SEGMENT_BYTES: 54,
    SEGMENT_COUNT: 56,
    SECTIONS: 40,
    SECTION_BYTES: 58,
    SECTION_COUNT: 60,
  },
  segment: { OFFSET: 8, VIRTUAL: 16, PHYSICAL: 24, FILE_BYTES: 32, MEMORY_BYTES: 40, ALIGNMENT: 48 },
  section: { TYPE: 4, OFFSET: 24, FILE_BYTES: 32, LINK: 40 },
  symbol: { NAME: 0, INFO: 4, SECTION: 6, VALUE: 8 },
};
