// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { GuestRam } from '../memory/guest_ram.js';
import { BootError } from './boot_error.js';
import type { BootFile } from './entry_state.js';
import { ELF_32, ELF_64, ElfClass, ElfMachine, SectionType, SegmentType, type ElfFormat } from './elf_format.js';
import { memoryAdvice } from './memory_advice.js';

const ELF_MAGIC = 0x464c457f;
const CLASS_OFFSET = 4;
const MACHINE_OFFSET = 18;
const NOTE_HEADER_BYTES = 12;

/** Bytes of the longest name of a symbol: what is behind them is cut. */
const LONGEST_NAME = 4096;
/** How often each byte of the names may be in names of symbols, on average; and bytes of a name that any number of symbols may share. */
const SHARED_NAMES = 16;
const SHORT_NAME = 64;

/** The bytes of a name, up to a 0. */
function nameIn(texts: Uint8Array, from: number): Uint8Array {
  const longest = texts.subarray(from, from + LONGEST_NAME);
  const end = longest.indexOf(0);
  return end < 0 ? longest : longest.subarray(0, end);
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly virtual: bigint;
  readonly physical: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** A row of a table of symbols. */
export interface ElfSymbol {
  readonly name: string;
  /** One of `SymbolType`, or another one. */
  readonly type: number;
  /** The number of its section. */
  readonly section: number;
  readonly value: bigint;
}

/** Whether a file begins as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && view(bytes).getUint32(0, true) === ELF_MAGIC;
}

/** An ELF file for the 386 or x86-64, whose segments are loaded at their physical addresses. System V ABI "Object Files". */
export class ElfImage {
  private readonly data: DataView;
  private readonly format: ElfFormat;
  private readonly segments: readonly Segment[];

  /**
   * @param kind what the file is, for messages: `a multiboot kernel`.
   * @throws BootError if the file is not for this processor, or is damaged.
   */
  constructor(
    private readonly file: BootFile,
    private readonly kind: string,
  ) {
    this.data = view(file.bytes);
    this.format = this.checkedFormat();
    this.segments = this.readSegments();
  }

  private checkedFormat(): ElfFormat {
    const { bytes } = this.file;
    const format = bytes[CLASS_OFFSET] === ElfClass.BITS_64 ? ELF_64 : ELF_32;
    if (bytes.length < format.headerBytes) this.fail('it ends inside its ELF header');
    const machine = this.data.getUint16(MACHINE_OFFSET, true);
    const wanted = format === ELF_64 ? ElfMachine.X86_64 : ElfMachine.I386;
    if (machine !== wanted)
      this.fail(
        `its ELF header names processor ${machine} and not ${wanted}: it is for another processor than this PC's`,
      );
    return format;
  }

  /** An address or an offset. Values above 2^53 lose bits, and are beyond any memory all the same. */
  private address(at: number): number {
    return Number(this.wide(at));
  }

  private wide(at: number): bigint {
    return this.format === ELF_64 ? this.data.getBigUint64(at, true) : BigInt(this.data.getUint32(at, true));
  }

  private readSegments(): Segment[] {
    const { header, segment } = this.format;
    const table = this.address(header.SEGMENTS);
    const size = this.data.getUint16(header.SEGMENT_BYTES, true);
    const count = this.data.getUint16(header.SEGMENT_COUNT, true);
    const isCut = table + size * count > this.file.bytes.length;
    if (isCut || (count > 0 && size < this.format.segmentBytes)) this.fail('it ends inside its program headers');
    return Array.from({ length: count }, (_, index) => {
      const at = table + size * index;
      return {
        type: this.data.getUint32(at, true),
        offset: this.address(at + segment.OFFSET),
        virtual: this.wide(at + segment.VIRTUAL),
        physical: this.address(at + segment.PHYSICAL),
        fileSize: this.address(at + segment.FILE_BYTES),
        memorySize: this.address(at + segment.MEMORY_BYTES),
        alignment: this.address(at + segment.ALIGNMENT),
      };
    });
  }

  private get loaded(): readonly Segment[] {
    return this.segments.filter(({ type, memorySize }) => type === SegmentType.LOAD && memorySize > 0);
  }

  /** The contents of a segment. */
  private contents({ offset, fileSize, physical }: Segment): Uint8Array {
    if (offset + fileSize > this.file.bytes.length) this.fail(`it ends inside the segment for ${hex(physical)}`);
    return this.file.bytes.subarray(offset, offset + fileSize);
  }

  /** Copies the segments into memory. @returns the first byte above all of them. @throws BootError */
  load(ram: GuestRam): number {
    const segments = this.loaded;
    if (segments.length === 0) this.fail('it has nothing to load');
    const end = Math.max(...segments.map(({ physical, memorySize }) => physical + memorySize));
    if (end > ram.length)
      this.fail(`it loads up to ${hex(end)}, beyond the end of memory at ${hex(ram.length)}: ${memoryAdvice(end)}`);
    for (const segment of segments) this.loadSegment(ram, segment);
    return end;
  }

  private loadSegment(ram: GuestRam, segment: Segment): void {
    const { physical, fileSize, memorySize } = segment;
    if (fileSize > memorySize) {
      this.fail(
        `its segment for ${hex(physical)} has ${fileSize} bytes in the file and ${memorySize} in memory: the file is damaged`,
      );
    }
    ram.set(this.contents(segment), physical);
    ram.fill(0, physical + fileSize, physical + memorySize);
  }

  /**
   * The physical address of the entry point. Kernels that map themselves name a virtual address of one of their segments.
   * @throws BootError if no segment has the entry point.
   */
  get physicalEntry(): number {
    const entry = this.wide(this.format.header.ENTRY);
    const home = this.loaded.find(
      ({ virtual, memorySize }) => entry >= virtual && entry < virtual + BigInt(memorySize),
    );
    if (home !== undefined) return home.physical + Number(entry - home.virtual);
    if (this.isLoaded(Number(entry))) return Number(entry);
    return this.fail(`its entry point ${hex(entry)} is in no segment: the file is damaged`);
  }

  /** Whether a segment is loaded at this physical address. */
  isLoaded(address: number): boolean {
    return this.loaded.some(({ physical, memorySize }) => address >= physical && address < physical + memorySize);
  }

  /** The descriptor of the first note of this owner and type, or undefined. @throws BootError if the notes are damaged. */
  note(owner: string, type: number): Uint8Array | undefined {
    const notes = this.segments.filter((segment) => segment.type === SegmentType.NOTE);
    for (const segment of notes) {
      const found = this.findNote(segment, owner, type);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private findNote(segment: Segment, owner: string, type: number): Uint8Array | undefined {
    const bytes = this.contents(segment);
    const data = view(bytes);
    const alignment = segment.alignment === 8 ? 8 : 4;
    const aligned = (offset: number): number => Math.ceil(offset / alignment) * alignment;
    let at = 0;
    while (at + NOTE_HEADER_BYTES <= bytes.length) {
      const name = at + NOTE_HEADER_BYTES;
      const nameEnd = name + data.getUint32(at, true);
      const descriptor = aligned(nameEnd);
      const descriptorEnd = descriptor + data.getUint32(at + 4, true);
      if (descriptorEnd > bytes.length) this.fail('it ends inside a note');
      const text = new TextDecoder().decode(bytes.subarray(name, nameEnd));
      if (text === `${owner}\0` && data.getUint32(at + 8, true) === type)
        return bytes.subarray(descriptor, descriptorEnd);
      at = aligned(descriptorEnd);
    }
    return undefined;
  }

  /** All symbols of the file; none if it has no table of them. A file has one such table. @throws BootError if the file is damaged */
  symbols(): ElfSymbol[] {
    const sections = this.readSections();
    const table = sections.find(({ type }) => type === SectionType.SYMTAB);
    return table === undefined ? [] : this.readSymbols(table, sections[table.link]);
  }

  private readSections(): Section[] {
    const { header, section, sectionBytes } = this.format;
    const table = this.address(header.SECTIONS);
    const size = this.data.getUint16(header.SECTION_BYTES, true);
    const count = table === 0 ? 0 : this.data.getUint16(header.SECTION_COUNT, true);
    const isCut = table + size * count > this.file.bytes.length;
    if (isCut || (count > 0 && size < sectionBytes)) this.fail('it ends inside its section headers');
    return Array.from({ length: count }, (_, index) => {
      const at = table + size * index;
      return {
        type: this.data.getUint32(at + section.TYPE, true),
        offset: this.address(at + section.OFFSET),
        size: this.address(at + section.FILE_BYTES),
        link: this.data.getUint32(at + section.LINK, true),
      };
    });
  }

  private readSymbols({ offset, size }: Section, names: Section | undefined): ElfSymbol[] {
    const { symbol, symbolBytes } = this.format;
    const { bytes } = this.file;
    const isCut = offset + size > bytes.length || names === undefined || names.offset + names.size > bytes.length;
    if (isCut) this.fail('it ends inside its symbols');
    const texts = bytes.subarray(names.offset, names.offset + names.size);
    const decoder = new TextDecoder();
    const length = Math.floor(size / symbolBytes);
    // Linkers share equal names and their ends; a file in which long names share much more would fill the memory of the host.
    let left = SHARED_NAMES * texts.length + SHORT_NAME * length;
    return Array.from({ length }, (_, index) => {
      const at = offset + symbolBytes * index;
      const name = nameIn(texts, this.data.getUint32(at + symbol.NAME, true));
      left -= name.length;
      if (left < 0) this.fail('its names of symbols lie over one another: the file is damaged');
      return {
        name: decoder.decode(name),
        type: bytes[at + symbol.INFO]! & 0xf,
        section: this.data.getUint16(at + symbol.SECTION, true),
        value: this.wide(at + symbol.VALUE),
      };
    });
  }

  /** @throws BootError */
  fail(what: string): never {
    throw new BootError(`${this.file.name} is ${this.kind}, but ${what}`);
  }
}
