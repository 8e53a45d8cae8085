// SPDX-License-Identifier: LGPL-2.1-only
import ts from 'typescript';
import { resolveImport, type SourceFile } from './source_files.js';

/** The package's own names, as specs and extensions import them. */
const packageEntries: Readonly<Record<string, string>> = {
  bareflank: 'src/index.ts',
  'bareflank/machine': 'src/machine_api.ts',
  'bareflank/testing': 'test/support/index.ts',
};

function hasValues(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return true;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return false;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || ts.isNamespaceImport(bindings)) return true;
  return bindings.elements.some(({ isTypeOnly }) => !isTypeOnly);
}

/** What a file loads at run time: imports of values, re-exports, dynamic imports, workers, and processes started from the built files. */
function loadsOf(file: SourceFile): string[] {
  const found: string[] = [];
  const specifier = (text: string): void => {
    const target = packageEntries[text] ?? resolveImport(file, text);
    if (target !== undefined) found.push(target);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      if (hasValues(node.importClause)) specifier((node.moduleSpecifier as ts.StringLiteral).text);
      return;
    }
    if (ts.isExportDeclaration(node)) {
      if (!node.isTypeOnly && node.moduleSpecifier !== undefined)
        specifier((node.moduleSpecifier as ts.StringLiteral).text);
      return;
    }
    if (ts.isStringLiteralLike(node) && node.text.endsWith('bfm.mjs')) found.push('src/bfm/main.ts');
    if (ts.isStringLiteralLike(node) && node.text.endsWith('.js')) {
      const [, built] = /^build\/((?:src|test)\/.+)\.js$/.exec(node.text) ?? [];
      if (built === undefined) specifier(node.text);
      else found.push(`${built}.ts`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

/** For each file, the files that it loads at run time. */
export function importGraph(files: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  return new Map(files.map((file) => [file.path, loadsOf(file)]));
}

/** How many imports lead from one file to each that it reaches. The public entry leads everywhere, and so says nothing. */
export function distancesFrom(graph: ReadonlyMap<string, readonly string[]>, start: string): Map<string, number> {
  const distances = new Map([[start, 0]]);
  for (const [path, distance] of distances) {
    if (path === 'src/index.ts') continue;
    for (const target of graph.get(path) ?? []) if (!distances.has(target)) distances.set(target, distance + 1);
  }
  return distances;
}
