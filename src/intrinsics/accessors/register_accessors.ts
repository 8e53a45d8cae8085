// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';
import type { registerFields, selectorFields } from '../registers/registers.js';
import type { SegmentName } from '../instructions/segments.js';
import type { FieldsOf, WordAccessors } from './accessor_types.js';

/**
 * The control registers, DR6, DR7, XCR0, RFLAGS and the selectors in the segment registers, with their bits: `registers.cr4.osxsave.isEnabled()`,
 * `registers.ss.rpl.get()`. Each access is a move of the processor that executes the caller.
 */
export type RegisterAccessors = {
  readonly [N in keyof typeof registerFields]: WordAccessors<FieldsOf<typeof registerFields, N>, 'rw'>;
} & { readonly [N in SegmentName]: WordAccessors<(typeof selectorFields)[number], 'rw'> };
export const RegisterAccessors = component<RegisterAccessors>('bareflank.RegisterAccessors', 'vmm');
