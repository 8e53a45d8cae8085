// SPDX-License-Identifier: LGPL-2.1-only
import { FieldSizes, Layout } from '../layout/layout.js';
import { digestText, digestToHex } from '../state_hash.js';
import { slotOf, supportedFields } from '../vmx/vmcs/field_slots.js';

/** Digest of the places of all words that a snapshot copies as a whole. A state with another digest is of another version of the machine. */
export const LAYOUT_DIGEST = digestToHex(
  digestText(JSON.stringify([FieldSizes, Layout, supportedFields.map((field) => [field, slotOf(field)])])),
);
