// SPDX-License-Identifier: LGPL-2.1-only
import type { CaseSegments } from './instruction_case.js';
import { localSegment, localSegments, selectorOf, type LocalSegment } from './local_segments.js';
import { MemoryMap } from './memory_map.js';
import type { SeededRandom } from './seeded_random.js';

/** Segment registers in the order of their numbers. SDM 2A "Register Number". */
export type SegmentName = 'es' | 'cs' | 'ss' | 'ds' | 'fs' | 'gs';

/** How a case's offsets become linear addresses. */
export interface AddressSpace {
  readonly bits: 16 | 32 | 64;
  /** Undefined in 64-bit mode. */
  readonly segments: CaseSegments | undefined;
  /** Width of the stack pointer. */
  readonly stackBits: 16 | 32 | 64;
  /** The part of the code region that CS reaches. */
  readonly codeFirst: number;
  readonly codeBytes: number;
  /** The offset in a segment that leads to a linear address. */
  offset(segment: SegmentName, linear: bigint | number): bigint;
  /** An offset at the border of a segment, or undefined where it has none. */
  border(segment: SegmentName, random: SeededRandom): bigint | undefined;
}

/** 64-bit mode: offsets are linear addresses. */
export const flatSpace: AddressSpace = {
  bits: 64,
  segments: undefined,
  stackBits: 64,
  codeFirst: 0,
  codeBytes: MemoryMap.codeBytes,
  offset: (_, linear) => BigInt.asUintN(64, BigInt(linear)),
  border: () => undefined,
};

const isStack = (segment: LocalSegment, wide: boolean): boolean =>
  segment.kind !== 'code' && segment.accessible && segment.present && segment.wide === wide;
const isLoaded = (segment: LocalSegment): boolean => segment.present && (segment.kind !== 'code' || segment.accessible);

/** Segments of 16- or 32-bit code, chosen at random; DS and ES are null now and then, FS and GS always. */
export function segmentedSpace(random: SeededRandom, bits: 16 | 32, stackBits: 16 | 32): AddressSpace {
  const pick = (accepts: (segment: LocalSegment) => boolean): number =>
    selectorOf(random.pick(localSegments.filter(accepts)));
  const data = (): number => (random.chance(0.03) ? 0 : pick(isLoaded));
  const segments: CaseSegments = {
    cs: pick((segment) => segment.kind === 'code' && segment.wide === (bits === 32)),
    ss: pick((segment) => isStack(segment, stackBits === 32)),
    ds: data(),
    es: data(),
  };
  const { base, limit } = localSegment(segments.cs);
  const codeFirst = Math.max(base, MemoryMap.code) - MemoryMap.code;
  const isPart = base >= MemoryMap.code && base < MemoryMap.code + MemoryMap.codeBytes;
  return {
    bits,
    segments,
    stackBits,
    codeFirst: isPart ? codeFirst : 0,
    codeBytes: isPart ? Math.min(limit + 1, MemoryMap.codeBytes - codeFirst) : MemoryMap.codeBytes,
    offset: (name, linear) => BigInt.asUintN(32, BigInt(linear) - BigInt(segmentIn(segments, name)?.base ?? 0)),
    border: (name, chooser) => {
      const segment = segmentIn(segments, name);
      return segment && BigInt.asUintN(32, BigInt(segment.limit) - 8n + BigInt(chooser.below(12)));
    },
  };
}

function segmentIn(segments: CaseSegments, name: SegmentName): LocalSegment | undefined {
  const selector = name === 'fs' || name === 'gs' ? 0 : segments[name];
  return selector === 0 ? undefined : localSegment(selector);
}
