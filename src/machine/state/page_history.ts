// SPDX-License-Identifier: LGPL-2.1-only
import { PAGE_BYTES } from '../memory/page_contents.js';
import { PagePacking } from './page_packing.js';

/** What a page had at a point, and at later ones until the next version. */
interface PageVersion {
  point: number;
  /** Packed, if they are fewer than those of a page. */
  bytes: Uint8Array;
}

const wordsOf = ({ buffer, byteOffset }: Uint8Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, PAGE_BYTES / Uint32Array.BYTES_PER_ELEMENT);

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  const [words, others] = [wordsOf(one), wordsOf(other)];
  for (let i = 0; i < words.length; i++) if (words[i] !== others[i]) return false;
  return true;
}

/** The contents of pages at several points of a run. What a page has at several points is kept once. Points are numbers that grow with the run. */
export class PageHistory {
  /** Of each page, oldest first. */
  private readonly versions = new Map<number, PageVersion[]>();
  private readonly packing = new PagePacking();
  /** What nobody has tried to pack. */
  private unpacked: PageVersion[] = [];
  private size = 0;

  /** Bytes of the contents that are kept. */
  get bytes(): number {
    return this.size;
  }

  /** Packs the contents that are kept now. Those that come later are not packed. */
  pack(): void {
    for (const version of this.unpacked) {
      const packed = this.packing.pack(version.bytes);
      if (packed === undefined) continue;
      this.size -= PAGE_BYTES - packed.length;
      version.bytes = packed;
    }
    this.unpacked = [];
  }

  /** Keeps what a page has at a point, which is later than all others. */
  keep(point: number, page: number, content: Uint8Array): void {
    const versions = this.versions.get(page) ?? [];
    const last = versions.at(-1);
    if (last !== undefined && isEqual(this.contentOf(last), content)) return;
    const version = { point, bytes: content.slice() };
    versions.push(version);
    this.versions.set(page, versions);
    this.unpacked.push(version);
    this.size += PAGE_BYTES;
  }

  /** What a page had at a point; undefined if it had never been kept by then. */
  at(point: number, page: number): Uint8Array | undefined {
    const versions = this.versions.get(page) ?? [];
    const later = versions.findIndex((version) => version.point > point);
    const version = versions[(later === -1 ? versions.length : later) - 1];
    return version && this.contentOf(version);
  }

  private contentOf({ bytes }: PageVersion): Uint8Array {
    if (bytes.length === PAGE_BYTES) return bytes;
    const content = new Uint8Array(PAGE_BYTES);
    this.packing.unpack(bytes, content);
    return content;
  }

  /** The pages that two points do not have in common. A page that changed and changed back may be among them. */
  changedBetween(one: number, other: number): number[] {
    const [first, last] = one < other ? [one, other] : [other, one];
    const changed: number[] = [];
    for (const [page, versions] of this.versions)
      if (versions.some(({ point }) => point > first && point <= last)) changed.push(page);
    return changed;
  }

  /** Forgets a point. @param next the point after it; undefined for the last one */
  drop(point: number, next: number | undefined): void {
    for (const [page, versions] of this.versions) {
      const at = versions.findIndex((version) => version.point === point);
      if (at === -1) continue;
      if (next !== undefined && versions[at + 1]?.point !== next) {
        versions[at]!.point = next;
        continue;
      }
      this.size -= versions[at]!.bytes.length;
      versions.splice(at, 1);
      if (versions.length === 0) this.versions.delete(page);
    }
  }
}
