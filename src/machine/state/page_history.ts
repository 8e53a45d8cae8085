// SPDX-License-Identifier: LGPL-2.1-only
import { PAGE_BYTES } from '../memory/page_contents.js';

/** What a page had at a point, and at later ones until the next version. */
interface PageVersion {
  point: number;
  readonly bytes: Uint8Array;
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
  private count = 0;

  /** Bytes of the contents that are kept. */
  get bytes(): number {
    return this.count * PAGE_BYTES;
  }

  /** Keeps what a page has at a point, which is later than all others. */
  keep(point: number, page: number, content: Uint8Array): void {
    const versions = this.versions.get(page) ?? [];
    const last = versions.at(-1);
    if (last !== undefined && isEqual(last.bytes, content)) return;
    versions.push({ point, bytes: content.slice() });
    this.versions.set(page, versions);
    this.count++;
  }

  /** What a page had at a point; undefined if it had never been kept by then. */
  at(point: number, page: number): Uint8Array | undefined {
    const versions = this.versions.get(page) ?? [];
    const later = versions.findIndex((version) => version.point > point);
    return versions[(later === -1 ? versions.length : later) - 1]?.bytes;
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
      versions.splice(at, 1);
      this.count--;
      if (versions.length === 0) this.versions.delete(page);
    }
  }
}
