// SPDX-License-Identifier: LGPL-2.1-only
// The slot of each VMCS field in the engine's copy of a VMCS. SDM 3C "VMREAD, VMWRITE, and Encodings of VMCS Fields": an encoding has an access
// type (bit 0), an index (9:1), a group (11:10) and a width (14:13). The slot packs width, group and index into 9 bits, so that tables by slot
// are small.
import { vmcsFieldDefinitions, vmcsFieldExists } from '../../../intrinsics/vmcs/vmcs_field_details.js';
import { isReadOnlyField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { allowed1 } from '../allowed_controls.js';

/** The bits of an encoding that name a field; of the index, those that any field has. */
export const EncodingBits = { HighAccess: 1, Index: 0x3e, Group: 0xc00, Width: 0x6000 } as const;

/** By how much each part of an encoding moves to its place in a slot. */
export const SlotShift = { Index: 1, Group: 5, Width: 6 } as const;

/** How many slots a VMCS has; each is two 32-bit halves, low half first. */
export const slotCount = 512;

/** The slot of a field: its halves are at `2 * slot` and `2 * slot + 1`. Only for encodings whose bits 15, 12 and 9:6 are 0. */
export function slotOf(encoding: number): number {
  const { Index, Group, Width } = EncodingBits;
  return (
    ((encoding & Index) >>> SlotShift.Index) |
    ((encoding & Group) >>> SlotShift.Group) |
    ((encoding & Width) >>> SlotShift.Width)
  );
}

/** The encoding (full access) of a slot's field. */
export function encodingOf(slot: number): number {
  const { Index, Group, Width } = EncodingBits;
  return (
    ((slot << SlotShift.Index) & Index) | ((slot << SlotShift.Group) & Group) | ((slot << SlotShift.Width) & Width)
  );
}

/** The kind of a slot's field; 0: this processor has no such field. */
export const SlotKind = { Absent: 0, Bits16: 1, Bits64: 2, Bits32: 3, Natural: 4, ReadOnly: 0x80 } as const;

/** The encodings of all fields that this processor has: those whose controls may be 1. */
export const supportedFields: readonly number[] = vmcsFieldDefinitions
  .filter((definition) => vmcsFieldExists(definition, allowed1))
  .map(({ encoding }) => encoding);

/** The kind of each slot. */
export const slotKinds: Uint8Array = makeKinds();

function makeKinds(): Uint8Array {
  const byWidth = [SlotKind.Bits16, SlotKind.Bits64, SlotKind.Bits32, SlotKind.Natural];
  const kinds = new Uint8Array(slotCount);
  for (const encoding of supportedFields) {
    kinds[slotOf(encoding)] = byWidth[(encoding >>> 13) & 3]! | (isReadOnlyField(encoding) ? SlotKind.ReadOnly : 0);
  }
  return kinds;
}

/** The number of encodings below the lowest reserved bit, which is 0 in all of them. */
const encodings = 0x7000;

/** The slot by encoding, of full and of high access; −1 if this processor has no such field. VMREAD and VMWRITE need one table look-up. */
const slotsByEncoding: Int16Array = makeSlotsByEncoding();

function makeSlotsByEncoding(): Int16Array {
  const slots = new Int16Array(encodings).fill(-1);
  for (const encoding of supportedFields) {
    const slot = slotOf(encoding);
    slots[encoding] = slot;
    // Access to the high half alone is for 64-bit fields only.
    if ((slotKinds[slot]! & 0x7f) === SlotKind.Bits64) slots[encoding | 1] = slot;
  }
  return slots;
}

/** The slot of the field that VMREAD or VMWRITE names, or −1 if this processor has no such field. Bit 0 of the encoding: access to the high half. */
export function supportedSlot(encoding: number): number {
  return encoding < encodings ? slotsByEncoding[encoding]! : -1;
}
