// SPDX-License-Identifier: LGPL-2.1-only

/** Which container owns a component: one of the whole VMM, or the child container of each vCPU. */
export type ComponentScope = 'vmm' | 'vcpu';

/** How many bindings a symbol takes: exactly one (which `rebind` replaces), or any number. */
export type ComponentArity = 'one' | 'many';

/** The declaration of a symbol. */
export interface ComponentDeclaration {
  readonly name: string;
  readonly scope: ComponentScope;
  readonly arity: ComponentArity;
  /** What each contribution to a point must have: a member, or at least one of several. Empty for components. */
  readonly members: readonly (string | readonly string[])[];
}

/** A symbol that carries the type of what it is bound to. */
export type ComponentSymbol<T> = symbol & { readonly __component?: T };

// A table of declarations. Modules fill it while they are evaluated, and nothing changes it afterwards. It owns no lifetimes.
const declarations = new Map<symbol, ComponentDeclaration>();

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
  return declare<T>(name, scope, 'one', []);
}

type MemberOf<T> = keyof T & string;

/**
 * Declares a contribution point, which takes any number of bindings.
 *
 * @param members the members that a contribution must have: a name, or a list of names of which at least one must exist. They are checked
 *   because users' files are not type-checked when they are loaded. No two points share a member, so a class may contribute to all of them.
 */
export function contribution<T>(
  name: string,
  scope: ComponentScope,
  ...members: readonly (MemberOf<T> | readonly MemberOf<T>[])[]
): ComponentSymbol<T> {
  return declare<T>(name, scope, 'many', members);
}

/** The declaration of a symbol, or undefined if `component` or `contribution` never made it. */
export function declarationOf(symbol: symbol): ComponentDeclaration | undefined {
  return declarations.get(symbol);
}
