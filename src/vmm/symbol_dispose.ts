// SPDX-License-Identifier: LGPL-2.1-only
// The first import of the public entry: older engines (bare metal's among them) lack the symbol that classes below use as a method name.
if (typeof (Symbol as { dispose?: symbol }).dispose !== 'symbol') {
  Object.defineProperty(Symbol, 'dispose', { value: Symbol.for('Symbol.dispose') });
}

export {};
