// SPDX-License-Identifier: LGPL-2.1-only
import { EncodingBits, slotKinds, SlotKind, SlotShift } from '../vmx/vmcs/field_slots.js';
import { constant, namespace, wide } from './emit_constants.js';

/** The AssemblyScript file vmcs_fields.ts: the kinds of the VMCS fields by slot, as src/machine/vmx/vmcs/field_slots.ts numbers them. */
export function emitVmcsFields(): string {
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from src/machine/vmx/vmcs/field_slots.ts.',
    `export const SLOT_KINDS: usize = memory.data<u8>([${[...slotKinds].join(', ')}]);`,
    namespace('EncodingBits', wide(EncodingBits)),
    namespace('SlotShift', wide(SlotShift)),
    constant('KIND_BITS64', 'u32', SlotKind.Bits64),
    constant('KIND_READ_ONLY', 'u32', SlotKind.ReadOnly),
    '',
  ].join('\n');
}
