// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import ts from 'typescript';
import { root, sourceFiles } from './source_files.js';

const files = sourceFiles('src/vmm');
const program = ts.createProgram(
  files.map(({ path }) => join(root, path)),
  {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    experimentalDecorators: true,
    types: [],
    skipLibCheck: true,
    noEmit: true,
  },
);
const checker = program.getTypeChecker();

// Classes of the language that structuredClone copies.
const collections = /^(Readonly)?(Array|Map|Set)$/;
const typedArrays = /^(Big)?(Uint|Int)(8|16|32|64)(Clamped)?Array$/;

const decoratorsOf = (node: ts.Node): string[] =>
  ts.canHaveDecorators(node)
    ? (ts.getDecorators(node) ?? []).map(({ expression }) => expression.getText().replace(/\(.*/s, ''))
    : [];

/** Classes that containers make, abstract bases of them included. */
function parts(): ts.ClassDeclaration[] {
  const found: ts.ClassDeclaration[] = [];
  for (const { path } of files)
    for (const statement of program.getSourceFile(join(root, path))!.statements)
      if (ts.isClassDeclaration(statement)) found.push(statement);
  const marked = found.filter((each) => decoratorsOf(each).some((name) => /^(injectable|extension)$/.test(name)));
  const bases = new Set(marked.flatMap((each) => basesOf(each)));
  return found.filter((each) => marked.includes(each) || bases.has(each));
}

function basesOf(type: ts.ClassDeclaration): ts.Declaration[] {
  const clause = type.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
  const base = clause === undefined ? undefined : checker.getTypeAtLocation(clause.types[0]!.expression).symbol;
  const declaration = base?.valueDeclaration;
  if (declaration === undefined || !ts.isClassDeclaration(declaration)) return [];
  return [declaration, ...basesOf(declaration)];
}

const isStatic = (member: ts.PropertyDeclaration): boolean =>
  member.modifiers?.some(
    ({ kind }) => kind === ts.SyntaxKind.StaticKeyword || kind === ts.SyntaxKind.AbstractKeyword,
  ) ?? false;

function fieldsOf(type: ts.ClassDeclaration): ts.PropertyDeclaration[] {
  return type.members.filter(ts.isPropertyDeclaration).filter((member) => !isStatic(member));
}

/** Numbers, texts, flags, and lists of them: what never changes and needs no mark. */
function isConstant(member: ts.PropertyDeclaration): boolean {
  const isReadonly = member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword) ?? false;
  const flags = ts.TypeFlags.NumberLike | ts.TypeFlags.StringLike | ts.TypeFlags.BooleanLike | ts.TypeFlags.BigIntLike;
  return isReadonly && (checker.getTypeAtLocation(member).flags & flags) !== 0;
}

/** Why a type is not plain data; undefined if it is. Requests are data: their owner's name and an id. */
function whyNoData(type: ts.Type, seen = new Set<ts.Type>()): string | undefined {
  if (seen.has(type)) return undefined;
  seen.add(type);
  if (type.isUnion()) return type.types.map((each) => whyNoData(each, seen)).find((why) => why !== undefined);
  if (type.getCallSignatures().length > 0) return 'a function';
  if ((type.flags & ts.TypeFlags.Object) === 0 || type.symbol?.name === 'Request') return undefined;
  const name = type.symbol?.name ?? '';
  if (typedArrays.test(name)) return undefined;
  if (collections.test(name)) {
    return checker
      .getTypeArguments(type as ts.TypeReference)
      .map((each) => whyNoData(each, seen))
      .find((why) => why !== undefined);
  }
  if (type.isClass()) return `an instance of ${name}`;
  return type
    .getProperties()
    .map((property) => whyNoData(checker.getTypeOfSymbol(property), seen))
    .find((why) => why !== undefined);
}

describe('The state of the VMM', () => {
  const all = parts();

  it('is marked: each field of a part is injected, @state(), @derived() or a constant', () => {
    const wrong = all.flatMap((type) =>
      fieldsOf(type)
        .filter((member) => decoratorsOf(member).length === 0 && !isConstant(member))
        .map(
          (member) =>
            `${type.name!.text}.${member.name.getText()}: mark it @state() if it must survive in a snapshot, @derived() if attach() rebuilds it`,
        ),
    );
    expect(all.length, 'parts').to.be.greaterThan(35);
    expect(wrong).to.deep.equal([]);
  });

  it('is plain data: no field marked @state() holds a function or an instance of a class', () => {
    const marked = all.flatMap((type) =>
      fieldsOf(type)
        .filter((member) => decoratorsOf(member).includes('state'))
        .map((member) => [`${type.name!.text}.${member.name.getText()}`, member] as const),
    );
    const wrong = marked.flatMap(([name, member]) => {
      const why = whyNoData(checker.getTypeAtLocation(member));
      return why === undefined ? [] : [`${name} holds ${why}: keep what it is made from, and rebuild it in attach()`];
    });
    expect(marked.length, 'fields').to.be.greaterThan(50);
    expect(wrong).to.deep.equal([]);
  });

  it('is made by init(): no class that a container makes has a constructor', () => {
    const wrong = all
      .filter((type) => type.members.some(ts.isConstructorDeclaration))
      .map((type) => `${type.name!.text} has a constructor; init() has effects, attach() wires`);
    expect(wrong).to.deep.equal([]);
  });
});
