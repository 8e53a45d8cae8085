// SPDX-License-Identifier: LGPL-2.1-only
// Segment registers, LDTR and TR as GDB sees them: selectors, and what comes with them from the descriptors.
import { accessRightsFields } from '../../intrinsics/registers/registers.js';
import { enabledBits } from '../../intrinsics/texts/dump_word.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { writeMsr, writeSelector } from '../../machine/debug/register_writes.js';
import type { ProcessorBlock } from '../../machine/processor/processor_block.js';
import { segmentRegisterNames, type Segment } from '../../machine/processor/register_names.js';
import type { GdbRegister } from './gdb_register.js';

/** A selector. GDB knows the segment registers; LDTR and TR are `system`. */
export const selector = (segment: Segment, feature: 'core' | 'system' = 'core'): GdbRegister => ({
  name: segment.toLowerCase(),
  bits: 32,
  type: 'int32',
  feature,
  ...(feature === 'system' && { group: 'system' }),
  read: ({ core: { block } }) => BigInt(block.get(segment).selector),
  write:
    segment === 'CS'
      ? 'a far jump, call or return loads it, together with RIP'
      : (processor, value) => writeSelector(processor, segment, value),
  // The descriptor may not say any more what is in the hidden part.
  keep: ({ core: { block } }) => {
    const before = block.get(segment);
    return () => block.set(segment, before);
  },
});

/** The bases that are MSRs. */
export const base = (segment: 'FS' | 'GS'): GdbRegister => ({
  name: `${segment.toLowerCase()}_base`,
  bits: 64,
  type: 'int64',
  feature: 'segments',
  read: ({ core: { block } }) => block.get(segment).base,
  write: (processor, value) => writeMsr(processor, segment === 'FS' ? 'Ia32FsBase' : 'Ia32GsBase', value),
});

const hiddenBase = (segment: Segment): GdbRegister => ({
  name: `${segment.toLowerCase()}_base`,
  bits: 64,
  type: 'int64',
  feature: 'system',
  group: 'system',
  read: ({ core: { block } }) => block.get(segment).base,
  write: 'it is loaded with the selector, from the descriptor',
});

/** Bases that GDB does not know by itself. */
export const hiddenBases: readonly GdbRegister[] = segmentRegisterNames
  .filter((segment) => segment !== 'FS' && segment !== 'GS')
  .map(hiddenBase);

/** All of a processor's segment and table registers. */
export function segmentLines(block: ProcessorBlock): string[] {
  const row = (name: string, selector: string, base: bigint, limit: number, ...rest: readonly string[]): string =>
    [name.padEnd(5), selector.padEnd(7), hex(base).padEnd(18), hex(BigInt(limit)).padEnd(10), ...rest]
      .join(' ')
      .trimEnd();
  return [
    '      value   base               limit      access rights',
    ...segmentRegisterNames.map((name) => {
      const { selector, base: from, limit, rights } = block.get(name);
      const meanings = enabledBits(accessRightsFields, BigInt(rights)).join(', ');
      return row(name, hex(BigInt(selector)), from, limit, `${hex(BigInt(rights))}: ${meanings}`);
    }),
    ...(['GDTR', 'IDTR'] as const).map((name) => row(name, '', block.get(name).base, block.get(name).limit)),
  ];
}
