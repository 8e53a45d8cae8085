// SPDX-License-Identifier: LGPL-2.1-only

/** Which container owns a component: one of the whole VMM, or the child container of each vCPU. */
export type ComponentScope = 'vmm' | 'vcpu';

/** How many bindings a symbol takes: exactly one (replaced by `rebind`), or any number beside each other. */
export type ComponentArity = 'one' | 'many';

/** What a symbol was declared with. */
export interface ComponentDeclaration {
  readonly name: string;
  readonly scope: ComponentScope;
  readonly arity: ComponentArity;
  /** What each contribution to a point must have: a member, or at least one of several. Empty for components. */
  readonly members: readonly (string | readonly string[])[];
}

/** A symbol that carries the type of what it is bound to. */
export type ComponentSymbol<T> = symbol & { readonly __component?: T };

// A table of declarations, filled while modules are evaluated and never changed afterwards: it owns no lifetimes.
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
 * @param members what a contribution must have, because users' files are not type-checked when they are loaded: a member, or a list of which
 *   at least one is there. No two points share one, so that a class may contribute to all of them.
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
