// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { UnmarkedField } from '../container/unmarked_fields.js';

/** A field that no snapshot would hold, with the place of its part: the VMM, or a vCPU. */
export interface PlacedField extends UnmarkedField {
  readonly where: string;
}

const mostShown = 8;

/** The state of a VMM cannot be saved: parts of it have state that is not marked. */
export class UnmarkedStateError extends BareflankError {
  constructor(readonly fields: readonly PlacedField[]) {
    const lines = fields
      .slice(0, mostShown)
      .map(({ where, owner, field, why }) => `  ${owner}.${field} (${where}) ${why}`);
    if (fields.length > mostShown) lines.push(`  and ${fields.length - mostShown} more`);
    const advice =
      'mark a field @state() if it must survive, or @derived() if attach() rebuilds it, and keep such state in fields of a class that a module binds';
    super(`the state of the VMM cannot be saved, because not all of it is marked:\n${lines.join('\n')}\n${advice}`, {
      details: {
        where: fields.map(({ owner, field }) => `${owner}.${field}`).join(', '),
        found: 'state that is not marked',
        expected: 'fields marked @state() or @derived()',
        advice,
      },
    });
  }
}
