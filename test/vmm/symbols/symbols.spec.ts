// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Symbols } from '../../../src/vmm/symbols/symbols.js';
import { declarationOf } from '../../../src/intrinsics/component.js';
import { noSymbols } from '../../../src/vmm/symbols/no_symbols.js';

describe('Symbols', () => {
  it('is one component of the VMM', () => {
    expect(declarationOf(Symbols)).to.include({ name: 'bareflank.Symbols', scope: 'vmm', arity: 'one' });
  });

  it('of a machine that knows no names has none', () => {
    expect([noSymbols.find(1n), noSymbols.nameOf(1n), noSymbols.addressOf('a')]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
