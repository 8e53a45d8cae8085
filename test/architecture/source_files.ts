// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { sharedContents } from '../../src/machine/generator/emit_contents.js';

/** The package's root folder: this file runs from build/test/architecture. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** One TypeScript source of the project, parsed. */
export interface SourceFile {
  /** Path from the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** All TypeScript sources below a folder; the AssemblyScript of the CPU core is another language and left out. */
export function sourceFiles(folder: string): SourceFile[] {
  return filesBelow(folder)
    .filter((path) => !path.includes(`${sep}machine${sep}cpu${sep}`) || path.includes(`${sep}test${sep}`))
    .filter((path) => !path.includes(`${sep}node_modules${sep}`) && !path.includes(`${sep}fixtures${sep}`))
    .sort()
    .map((path) => parse(path));
}

const { withoutDecorators } = (await import(new URL('../../../scripts/assembly_script.mjs', import.meta.url).href)) as {
  /** AssemblyScript as TypeScript can parse it, each character at its place. */
  withoutDecorators: (text: string) => string;
};

/** The AssemblyScript of the CPU core. Its decorators, which TypeScript does not know on functions, are blank in the tree; the text has them. */
export const coreFiles = (): SourceFile[] =>
  filesBelow(join('src', 'machine', 'cpu'))
    .sort()
    .map((path) => parse(path, withoutDecorators));

/** The texts from which the build makes the core's predicates, by name. */
export const contentsTexts = (): Map<string, string> =>
  new Map(
    sharedContents.map((name) => [name, readFileSync(join(root, 'src/intrinsics/contents', `${name}.ts`), 'utf8')]),
  );

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** A text that is in no file, parsed. */
export function parseText(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

/** A text of the core, parsed. */
export function parseCore(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, withoutDecorators(text), ts.ScriptTarget.ES2022, true) };
}

function parse(path: string, prepare: (text: string) => string = (text) => text): SourceFile {
  const text = readFileSync(path, 'utf8');
  return {
    path: relative(root, path).split(sep).join('/'),
    text,
    tree: ts.createSourceFile(path, prepare(text), ts.ScriptTarget.ES2022, true),
  };
}

/** The module specifiers of a file's imports and re-exports; `import type` and `import('x').Type` count too, dynamic imports of literals as well. */
export function importsOf(file: SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      found.push((node.moduleSpecifier as ts.StringLiteral).text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument !== undefined && ts.isStringLiteral(argument)) found.push(argument.text);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push((node.argument.literal as ts.StringLiteral).text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

/** The path from the root of what a relative import names, or undefined for a package. */
export function resolveImport(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return relative(root, resolve(root, dirname(file.path), specifier))
    .split(sep)
    .join('/')
    .replace(/\.js$/, '.ts');
}
