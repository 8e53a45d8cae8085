// SPDX-License-Identifier: LGPL-2.1-only

/** Which container owns a component: one of the whole VMM, or the child container of each vCPU. */
export type ComponentScope = 'vmm' | 'vcpu';

/** How many bindings a symbol takes: exactly one (which `rebind` replaces), or any number. */
export type ComponentArity = 'one' | 'many';

/** The members that the VMM reads from each contribution to a point. */
export interface ContributionMembers {
  /** Lists of whole numbers, which each contribution must have. */
  readonly numbers: readonly string[];
  /** Methods that each contribution must have. */
  readonly methods: readonly string[];
  /** Methods of which each contribution must have at least one. Empty: it need not have one. */
  readonly someOf: readonly string[];
  /** Methods that a contribution may have. */
  readonly optional: readonly string[];
  /** Switches that a contribution may have. */
  readonly switches: readonly string[];
}

/** The declaration of a symbol. */
export interface ComponentDeclaration {
  readonly name: string;
  readonly scope: ComponentScope;
  readonly arity: ComponentArity;
  /** Of a contribution point. */
  readonly members: ContributionMembers;
}

/** A symbol that carries the type of what it is bound to. */
export type ComponentSymbol<T> = symbol & { readonly __component?: T };

// A table of declarations. Modules fill it while they are evaluated, and nothing changes it afterwards. It owns no lifetimes.
const declarations = new Map<symbol, ComponentDeclaration>();

/** Of a component, and of a contribution point that reads nothing. */
export const noMembers: ContributionMembers = { numbers: [], methods: [], someOf: [], optional: [], switches: [] };

function declare<T>(
  name: string,
  scope: ComponentScope,
  arity: ComponentArity,
  members: ComponentDeclaration['members'],
): ComponentSymbol<T> {
  const symbol = Symbol.for(name);
  const before = declarations.get(symbol);
  if (before !== undefined && (before.scope !== scope || before.arity !== arity)) {
    throw new Error(
      `${name} is declared twice: ${before.scope}/${before.arity} and ${scope}/${arity}; a symbol has one scope and one arity`,
    );
  }
  declarations.set(symbol, { name, scope, arity, members });
  return symbol as ComponentSymbol<T>;
}

/** Declares a replaceable part: its symbol, its scope, once. */
export function component<T>(name: string, scope: ComponentScope): ComponentSymbol<T> {
  return declare<T>(name, scope, 'one', noMembers);
}

type KeyOf<T, Wanted> = { [K in keyof T & string]-?: NonNullable<T[K]> extends Wanted ? K : never }[keyof T & string];
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape that TypeScript wants for "any function"
type MethodOf<T> = KeyOf<T, (...args: any[]) => unknown>;

/** What `contribution` is told about the members: names, each of a member of the right type. */
interface MembersOf<T> {
  readonly numbers?: readonly KeyOf<T, readonly number[]>[];
  readonly methods?: readonly MethodOf<T>[];
  readonly someOf?: readonly MethodOf<T>[];
  readonly optional?: readonly MethodOf<T>[];
  readonly switches?: readonly KeyOf<T, boolean>[];
}

/**
 * Declares a contribution point, which takes any number of bindings.
 *
 * @param members what the VMM reads from a contribution. It is checked, because users' files are not type-checked when they are loaded. No two
 *   points share a member, so a class may contribute to all of them.
 */
export function contribution<T>(name: string, scope: ComponentScope, members: MembersOf<T> = {}): ComponentSymbol<T> {
  return declare<T>(name, scope, 'many', { ...noMembers, ...members });
}

/** The declaration of a symbol, or undefined if `component` or `contribution` never made it. */
export function declarationOf(symbol: symbol): ComponentDeclaration | undefined {
  return declarations.get(symbol);
}
