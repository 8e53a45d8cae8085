// SPDX-License-Identifier: LGPL-2.1-only
import type { ComponentDeclaration } from '../../intrinsics/component.js';
import type { OrderedEntry } from './contribution_order.js';
import { MissingMemberError } from './load_errors.js';

/**
 * Users' files are not type-checked when they are loaded: a misspelt method would be missed at the first exit, or never.
 *
 * @param members as the contribution point declares them.
 * @throws MissingMemberError that names file, contribution and member.
 */
export function checkMembers(
  point: string,
  members: ComponentDeclaration['members'],
  { contribution, file }: OrderedEntry,
): void {
  for (const member of members) {
    const names = typeof member === 'string' ? [member] : member;
    if (names.some((name) => name in contribution)) continue;
    const missing = names.length === 1 ? `no ${names[0]}` : `none of ${names.join(', ')}`;
    throw new MissingMemberError(`${file}: the contribution '${contribution.name}' to ${point} has ${missing}`, [file]);
  }
}
