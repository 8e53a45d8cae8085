// SPDX-License-Identifier: LGPL-2.1-only
import type { Description } from './describe_all.js';
import { UsageError } from '../failures/usage_error.js';

/** The names of kinds in `bfm describe KIND`, and their places in the description. */
export const describedKinds = {
  vmcs: { list: 'vmcsFields', number: 'encoding' },
  msr: { list: 'msrs', number: 'address' },
  cpuid: { list: 'cpuid', number: 'leaf' },
  register: { list: 'registers', number: undefined },
  exit: { list: 'exitReasons', number: 'number' },
  error: { list: 'vmInstructionErrors', number: 'number' },
  check: { list: 'vmcsChecks', number: undefined },
  model: { list: 'models', number: undefined },
} as const;

export type DescribedKind = keyof typeof describedKinds;

/** One definition, as data: its keys depend on its kind. */
export type DescribedItem = Readonly<Record<string, unknown>> & { readonly name: string };

/** Names are compared without case and punctuation: `guest_cr3`, `GuestCr3` and `GUEST_CR3` are one. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

const kinds = Object.keys(describedKinds) as DescribedKind[];

/** @throws UsageError if there is no such kind; it says which kinds have something of that name. */
export function kindOf(name: string, description: Description): DescribedKind {
  const kind = kinds.find((each) => each === name.toLowerCase());
  if (kind !== undefined) return kind;
  const having = kinds.filter((each) => itemsOf(description, each).some((item) => isCalled(item, name)));
  const advice = having.map((each) => `; try 'bfm describe ${each} ${name}'`).join('');
  throw new UsageError(`there is no kind '${name}'; kinds are ${kinds.join(', ')}${advice}`);
}

/** Whether a user's name means this definition. A register's name may lack its group (`es` for `segment_register.es`). */
function isCalled({ name }: DescribedItem, wanted: string): boolean {
  return plain(name) === plain(wanted) || plain(name.slice(name.lastIndexOf('.') + 1)) === plain(wanted);
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
  const exact = items.filter((item) => (isNumber ? Number(item[number]) === Number(wanted) : isCalled(item, wanted)));
  if (exact.length > 0) return exact;
  const part = plain(wanted);
  const partial = isNumber || part === '' ? [] : items.filter((item) => plain(item.name).includes(part));
  if (partial.length > 0) return partial;
  const hint =
    number !== undefined && /^[0-9a-f]+$/i.test(wanted) ? ' (a number is decimal, or hexadecimal with 0x)' : '';
  throw new UsageError(`there is no ${kind} '${wanted}'${hint}; 'bfm describe ${kind}' lists them`);
}
