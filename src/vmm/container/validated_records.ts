// SPDX-License-Identifier: LGPL-2.1-only
import { declarationOf } from '../../intrinsics/component.js';
import type { BindingRecord } from './binding_record.js';
import { effectiveBindings, type EffectiveBindings } from './binding_rules.js';

/** Records that were validated together, and the bindings that came of it. */
export interface ValidatedRecords {
  readonly records: readonly BindingRecord[];
  readonly bindings: EffectiveBindings;
}

/** Whether nothing that is validated differs: only the value of a component, such as the number of a vCPU. */
function isLike(one: BindingRecord, other: BindingRecord): boolean {
  if (one === other) return true;
  const isSame =
    one.identifier === other.identifier &&
    one.kind === other.kind &&
    one.scope === other.scope &&
    one.file === other.file;
  const { target, identifier } = one;
  if (!isSame || target.kind !== other.target.kind) return false;
  if (target.kind === 'class') return other.target.kind === 'class' && target.type === other.target.type;
  if (target.kind === 'service')
    return other.target.kind === 'service' && target.identifier === other.target.identifier;
  return typeof identifier === 'symbol' && declarationOf(identifier)?.arity === 'one';
}

/**
 * Validates records as `effectiveBindings` does, or takes over what came of the last ones if they are like them: the vCPUs of a machine have the same parts.
 *
 * @throws ModuleLoadError
 */
export function validated(records: readonly BindingRecord[], last: ValidatedRecords | undefined): ValidatedRecords {
  const isKnown =
    last?.records.length === records.length && records.every((record, i) => isLike(record, last.records[i]!));
  if (!isKnown) return { records, bindings: effectiveBindings(records) };
  const now = new Map(records.map((record, i) => [last.records[i]!, record]));
  const bindings = new Map(
    [...last.bindings].map(([identifier, group]) => [identifier, group.map((record) => now.get(record)!)]),
  );
  return { records, bindings };
}
