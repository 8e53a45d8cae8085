// SPDX-License-Identifier: LGPL-2.1-only
import type { Description } from '../intrinsics/describe.js';
import { UsageError } from './usage_error.js';

/** What `bfm describe KIND` calls a kind, and where the description keeps it. */
export const describedKinds = {
  vmcs: { list: 'vmcsFields', number: 'encoding' },
  msr: { list: 'msrs', number: 'address' },
  cpuid: { list: 'cpuid', number: 'leaf' },
  register: { list: 'registers', number: undefined },
  exit: { list: 'exitReasons', number: 'number' },
  error: { list: 'vmInstructionErrors', number: 'number' },
  check: { list: 'vmcsChecks', number: undefined },
} as const;

export type DescribedKind = keyof typeof describedKinds;

/** One definition, as data: its keys depend on its kind. */
export type DescribedItem = Readonly<Record<string, unknown>> & { readonly name: string };

/** Names are compared without case and punctuation: `guest_cr3`, `GuestCr3` and `GUEST_CR3` are one. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** @throws UsageError if there is no such kind. */
export function kindOf(name: string): DescribedKind {
  if (name in describedKinds) return name as DescribedKind;
  throw new UsageError(`there is nothing of the kind '${name}'; kinds are ${Object.keys(describedKinds).join(', ')}`);
}

/** All definitions of a kind. */
export function itemsOf(description: Description, kind: DescribedKind): readonly DescribedItem[] {
  return description[describedKinds[kind].list] as unknown as readonly DescribedItem[];
}

/**
 * The definitions that a user means by a name, a part of a name, or a number.
 *
 * @throws UsageError if there is none.
 */
export function find(description: Description, kind: DescribedKind, wanted: string): readonly DescribedItem[] {
  const items = itemsOf(description, kind);
  const { number } = describedKinds[kind];
  const isNumber = number !== undefined && /^(0x[0-9a-f]+|\d+)$/i.test(wanted);
  const exact = items.filter((item) =>
    isNumber ? Number(item[number]) === Number(wanted) : plain(item.name) === plain(wanted),
  );
  if (exact.length > 0) return exact;
  const partial = isNumber ? [] : items.filter((item) => plain(item.name).includes(plain(wanted)));
  if (partial.length > 0) return partial;
  throw new UsageError(`there is no ${kind} '${wanted}'; 'bfm describe ${kind}' lists them`);
}
