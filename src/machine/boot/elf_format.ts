// SPDX-License-Identifier: LGPL-2.1-only
// System V ABI, "Object Files", "Program Loading": what differs between ELF files of 32 and of 64 bits.

export const ElfClass = { BITS_32: 1, BITS_64: 2 } as const;
export const ElfMachine = { I386: 3, X86_64: 62 } as const;
/** Types of program headers. */
export const SegmentType = { LOAD: 1, NOTE: 4 } as const;

interface HeaderOffsets {
  readonly ENTRY: number;
  /** Offset of the program headers, their size and their number. */
  readonly SEGMENTS: number;
  readonly SEGMENT_BYTES: number;
  readonly SEGMENT_COUNT: number;
}

interface SegmentOffsets {
  readonly OFFSET: number;
  readonly VIRTUAL: number;
  readonly PHYSICAL: number;
  readonly FILE_BYTES: number;
  readonly MEMORY_BYTES: number;
  readonly ALIGNMENT: number;
}

/** Sizes and offsets in a class of ELF files. */
export interface ElfFormat {
  readonly headerBytes: number;
  readonly segmentBytes: number;
  readonly header: HeaderOffsets;
  readonly segment: SegmentOffsets;
}

export const ELF_32: ElfFormat = {
  headerBytes: 52,
  segmentBytes: 32,
  header: { ENTRY: 24, SEGMENTS: 28, SEGMENT_BYTES: 42, SEGMENT_COUNT: 44 },
  segment: { OFFSET: 4, VIRTUAL: 8, PHYSICAL: 12, FILE_BYTES: 16, MEMORY_BYTES: 20, ALIGNMENT: 28 },
};

export const ELF_64: ElfFormat = {
  headerBytes: 64,
  segmentBytes: 56,
  header: { ENTRY: 24, SEGMENTS: 32, SEGMENT_BYTES: 54, SEGMENT_COUNT: 56 },
  segment: { OFFSET: 8, VIRTUAL: 16, PHYSICAL: 24, FILE_BYTES: 32, MEMORY_BYTES: 40, ALIGNMENT: 48 },
};
