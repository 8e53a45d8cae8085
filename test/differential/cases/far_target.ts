// SPDX-License-Identifier: LGPL-2.1-only
import type { CaseBuilder } from './case_builder.js';
import { signedBytes } from './instruction_parts.js';
import { localSegments, noLocalSelector, selectorOf, systemSelectors } from './local_segments.js';
import { MemoryMap } from './memory_map.js';

/** Selectors that user mode cannot load into CS: null, data, a supervisor's, beyond the tables, code with an RPL that is too low. */
const wrongSelectors = [
  0,
  3,
  MemoryMap.stackSelector,
  MemoryMap.codeSelector & ~3,
  0x10,
  0xfff3,
  noLocalSelector,
  ...localSegments.filter(({ kind, present }) => kind !== 'code' || !present).map(selectorOf),
];

/** Whether a selector, with any RPL, is that of 64-bit code. */
export const isLongCode = (selector: number): boolean => (selector & ~3) === (systemSelectors.code64 & ~3);

/**
 * A far pointer to filler code, offset first: mostly with a selector that CS can take.
 * @param isCall 64-bit code is then no target: AMD processors push with the stack of the new mode already.
 */
export function farTarget(builder: CaseBuilder, offsetBytes: number, isCall: boolean): number[] {
  const { random, space } = builder;
  const linear = builder.landing();
  const kind = random.below(10);
  const { cs } = space.segments!;
  if (kind < 5) return pointer(Number(space.offset('cs', linear)), cs, offsetBytes);
  if (kind < 8) {
    const segment = random.pick(localSegments.filter((candidate) => candidate.kind === 'code' && candidate.present));
    return pointer(linear - segment.base, selectorOf(segment), offsetBytes);
  }
  if (kind === 8) {
    // with a 16-bit SS, the kernel leaves its own bits in the upper half of RSP, and 64-bit code sees them
    const { code32, code64 } = systemSelectors;
    const isNarrow = isCall || space.stackBits === 16;
    return pointer(linear, isNarrow ? code32 : random.pick([code32, code64]), offsetBytes);
  }
  const wrong = isCall ? wrongSelectors.filter((selector) => !isLongCode(selector)) : wrongSelectors;
  return pointer(linear, random.pick(wrong), offsetBytes);
}

function pointer(offset: number, selector: number, offsetBytes: number): number[] {
  return [...signedBytes(offset | 0, offsetBytes), ...signedBytes(selector, 2)];
}
