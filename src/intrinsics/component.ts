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
}

/** A symbol that carries the type of what it is bound to. */
export type ComponentSymbol<T> = symbol & { readonly __component?: T };

// A table of declarations, filled while modules are evaluated and never changed afterwards: it owns no lifetimes.
const declarations = new Map<symbol, ComponentDeclaration>();

function declare<T>(name: string, scope: ComponentScope, arity: ComponentArity): ComponentSymbol<T> {
  const symbol = Symbol.for(name);
  const before = declarations.get(symbol);
  if (before !== undefined && (before.scope !== scope || before.arity !== arity)) {
    throw new Error(
      `${name} is declared twice: ${before.scope}/${before.arity} and ${scope}/${arity}; a symbol has one scope and one arity`,
    );
  }
  declarations.set(symbol, { name, scope, arity });
  return symbol as ComponentSymbol<T>;
}

/** Declares a replaceable part: its symbol, its scope, once. */
export function component<T>(name: string, scope: ComponentScope): ComponentSymbol<T> {
  return declare<T>(name, scope, 'one');
}

/** Declares a contribution point: any number of bindings stand beside each other. */
export function contribution<T>(name: string, scope: ComponentScope): ComponentSymbol<T> {
  return declare<T>(name, scope, 'many');
}

/** The declaration of a symbol, or undefined if `component` or `contribution` never made it. */
export function declarationOf(symbol: symbol): ComponentDeclaration | undefined {
  return declarations.get(symbol);
}
