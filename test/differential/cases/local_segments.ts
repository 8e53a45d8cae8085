// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryMap } from './memory_map.js';

/** A descriptor of the LDT that 16- and 32-bit code uses; SDM 3A "Segment Descriptors". All have DPL 3 and are accessed. */
export interface LocalSegment {
  readonly base: number;
  /** In bytes; with more than 20 bits it must end a page. */
  readonly limit: number;
  readonly kind: 'code' | 'data' | 'expand-down data';
  /** Bit D or B: 32-bit code, stack pointer and upper bound. */
  readonly wide: boolean;
  /** Code that can be read; data that can be written. */
  readonly accessible: boolean;
  readonly present: boolean;
}

const all = 0xffffffff;
const { code, data } = MemoryMap;
const dataEnd = MemoryMap.dataBytes - 1;
/** A base with which offsets of the upper part of a flat segment wrap into the region. */
const wrapping = (region: number): number => (region - 0x20000000) >>> 0;

const codeSegment = (base: number, limit: number, wide: boolean, others: Partial<LocalSegment> = {}): LocalSegment => ({
  base,
  limit,
  wide,
  kind: 'code',
  accessible: true,
  present: true,
  ...others,
});
const dataSegment = (base: number, limit: number, wide: boolean, others: Partial<LocalSegment> = {}): LocalSegment => ({
  ...codeSegment(base, limit, wide),
  kind: 'data',
  ...others,
});

/** The LDT: CS of each size with limits inside and beyond the code region, and data of every kind. */
export const localSegments: readonly LocalSegment[] = [
  codeSegment(0, all, true),
  codeSegment(code, 0xffff, true),
  codeSegment(code, 0x1fff, true),
  codeSegment(wrapping(code), all, true),
  codeSegment(0, all, true, { accessible: false }),
  codeSegment(code, 0xffff, false),
  codeSegment(code, 0x1fff, false),
  codeSegment(code + 0x8000, 0x7fff, false),
  codeSegment(code, 0xffff, false, { accessible: false }),
  dataSegment(0, all, true),
  dataSegment(data, dataEnd, true),
  dataSegment(data, 0xfff, true),
  dataSegment(wrapping(data), all, true),
  dataSegment(data, 0xffff, false),
  dataSegment(data, 0x103f, false),
  dataSegment(data, 0xfff, true, { kind: 'expand-down data' }),
  dataSegment(data, 0xfbf, false, { kind: 'expand-down data' }),
  dataSegment(data, dataEnd, true, { accessible: false }),
  dataSegment(data, dataEnd, true, { present: false }),
];

/** Selectors of user mode's segments that every process of Linux has. */
export const systemSelectors = { code32: 0x23, data: MemoryMap.stackSelector, code64: MemoryMap.codeSelector } as const;

/** A selector beyond the end of the LDT. */
export const noLocalSelector = (localSegments.length << 3) | 7;

/** The selector of an entry of the LDT, with RPL 3. */
export const selectorOf = (segment: LocalSegment): number => (localSegments.indexOf(segment) << 3) | 7;

/** The LDT's segment that a selector names. */
export function localSegment(selector: number): LocalSegment {
  const segment = localSegments[selector >> 3];
  if (!segment) throw new RangeError(`${selector.toString(16)}h is no selector of the LDT`);
  return segment;
}

/** Limits above 20 bits count pages. */
export const countsPages = ({ limit }: LocalSegment): boolean => limit > 0xfffff;
