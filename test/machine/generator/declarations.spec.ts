// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseDeclarations } from '../../../src/machine/generator/declarations.js';

describe('parseDeclarations', () => {
  it('reads type parameters, parameters, result and the decorator', () => {
    const [found] = parseDeclarations('@inline export function ADD<T, D, S>(d: D, s: S): void {\n}', 'integer/alu');
    expect(found).to.deep.equal({
      name: 'ADD',
      file: 'alu',
      path: 'integer/alu',
      typeParameters: ['T', 'D', 'S'],
      parameters: [
        { name: 'd', type: 'D' },
        { name: 's', type: 'S' },
      ],
      returns: 'void',
      isInline: true,
    });
  });

  it('reads a declaration of several lines, a default value and a result', () => {
    const source = 'export function JCXZ<A>(\n  next: u64,\n  rep: u32 = 0,\n): bool { return false; }';
    const [found] = parseDeclarations(source, 'flow');
    expect(found).to.deep.include({ returns: 'bool', isInline: false });
    expect(found!.parameters).to.deep.equal([
      { name: 'next', type: 'u64' },
      { name: 'rep', type: 'u32' },
    ]);
  });

  it('leaves out what is not exported', () => {
    expect(parseDeclarations('@inline function helper(): void {}\nfunction other(): void {}', 'x')).to.deep.equal([]);
  });

  it('says where a bracket is missing', () => {
    expect(() => parseDeclarations('export function BAD<T(d: D', 'x')).to.throw(SyntaxError, /no closing bracket/);
  });
});
