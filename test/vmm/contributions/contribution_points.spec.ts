// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import ts from 'typescript';
import { declarationOf } from '../../../src/intrinsics/component.js';
import { sourceFiles } from '../../architecture/source_files.js';

/** A contribution point as its file declares it. */
interface Point {
  readonly name: string;
  readonly members: readonly { readonly name: string; readonly isOptional: boolean }[];
}

/** It is one if its members are those of a contribution. */
const isPoint = ({ heritageClauses }: ts.InterfaceDeclaration): boolean =>
  heritageClauses?.some(({ types }) => types.some(({ expression }) => expression.getText() === 'Contribution')) ??
  false;

const points: Point[] = sourceFiles('src/vmm').flatMap(({ tree }) =>
  tree.statements
    .filter(ts.isInterfaceDeclaration)
    .filter(isPoint)
    .map((declaration) => ({
      name: declaration.name.text,
      members: declaration.members.map((member) => ({
        name: member.name!.getText(),
        isOptional: member.questionToken !== undefined,
      })),
    })),
);

describe('The contribution points', () => {
  it('share no member but name, before and after: one class may contribute to all of them', () => {
    const owner = new Map<string, string>();
    const shared: string[] = [];
    for (const point of points)
      for (const { name } of point.members) {
        const other = owner.get(name);
        if (other !== undefined) shared.push(`${name} belongs to ${other} and ${point.name}`);
        owner.set(name, point.name);
      }
    expect(points).to.have.length(8);
    expect(shared).to.deep.equal([]);
  });

  for (const { name, members } of points)
    it(`declare the members of ${name} that a load wants`, async () => {
      await import('../../../src/index.js');
      const { numbers, methods, someOf, optional, switches } = declarationOf(Symbol.for(`bareflank.${name}`))!.members;
      const required = members.filter(({ isOptional }) => !isOptional).map((member) => member.name);
      expect([...numbers, ...methods].sort()).to.deep.equal(required.sort());
      const known = members.map((member) => member.name);
      expect([...numbers, ...methods, ...someOf, ...optional, ...switches].sort()).to.deep.equal(known.sort());
    });
});
