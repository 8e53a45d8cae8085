// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { coreFiles, root, sourceFiles, type SourceFile } from './source_files.js';

/** A file is a table, and may be long, if object and array literals make up most of it. */
function isTable(file: SourceFile): boolean {
  let literal = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isObjectLiteralExpression(node) || ts.isArrayLiteralExpression(node)) literal += node.getWidth();
    else ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return literal > file.text.length * 0.6;
}

function linesOfFunctions(file: SourceFile): number[] {
  const lengths: number[] = [];
  const visit = (node: ts.Node): void => {
    if (
      (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node)) &&
      node.body !== undefined
    ) {
      const start = file.tree.getLineAndCharacterOfPosition(node.getStart()).line;
      lengths.push(file.tree.getLineAndCharacterOfPosition(node.end).line - start + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return lengths;
}

const all = (): SourceFile[] => [...sourceFiles('src'), ...sourceFiles('test'), ...sourceFiles('extensions')];

describe('The style', () => {
  it('begins each file with its licence', () => {
    const wrong = [...all(), ...coreFiles()].filter(
      (file) => !file.text.startsWith('// SPDX-License-Identifier: LGPL-2.1-only'),
    );
    expect(wrong.map((file) => file.path)).to.deep.equal([]);
  });

  it('names files and folders in snake_case', () => {
    const wrong = all().filter((file) => !file.path.split('/').every((part) => /^[a-z0-9_.]+$/.test(part)));
    expect(wrong.map((file) => file.path)).to.deep.equal([]);
  });

  it('keeps one class a file', () => {
    const wrong = sourceFiles('src').flatMap((file) => {
      const classes = file.tree.statements.filter((statement) => ts.isClassDeclaration(statement));
      const errors = classes.every((statement) => statement.name?.text.match(/(Error|Fault|Failure)$/));
      return classes.length > 1 && !errors
        ? [`${file.path} has ${classes.length} classes; one class a file (errors of one module may share one)`]
        : [];
    });
    expect(wrong).to.deep.equal([]);
  });

  it('keeps files under about 400 lines, tables excepted', () => {
    const wrong = [...sourceFiles('src'), ...coreFiles()]
      .filter((file) => !isTable(file))
      .map((file) => [file.path, file.text.split('\n').length] as const)
      .filter(([, lines]) => lines > 450)
      .map(([path, lines]) => `${path} has ${lines} lines; about 400 at most, cut it`);
    expect(wrong).to.deep.equal([]);
  });

  for (const [what, files] of [
    ['src', () => sourceFiles('src')],
    ['the CPU core', coreFiles],
  ] as const) {
    it(`keeps functions of ${what} short: median at most 8 lines, nine in ten under 30`, () => {
      const lengths = files()
        .flatMap(linesOfFunctions)
        .sort((a, b) => a - b);
      expect(lengths.length).to.be.greaterThan(1000);
      expect(lengths[Math.floor(lengths.length / 2)], 'median').to.be.at.most(8);
      expect(lengths[Math.floor(lengths.length * 0.9)], 'nine in ten').to.be.below(30);
    });
  }

  it('gives each extension its .modules file, README and test', () => {
    const folders = readdirSync(join(root, 'extensions')).filter((name) => name.startsWith('hypervisor_'));
    expect(folders).to.not.be.empty;
    const missing = folders.flatMap((folder) => {
      const own = readdirSync(join(root, 'extensions', folder));
      const specs = [join(root, 'test', 'extensions', folder), join(root, 'extensions', folder)];
      return [
        ...(own.some((name) => name.endsWith('.modules')) ? [] : [`${folder}: .modules`]),
        ...(own.includes('README.md') ? [] : [`${folder}: README.md`]),
        ...(specs.some((path) => existsSync(path) && readdirSync(path).some((name) => name.endsWith('.spec.ts')))
          ? []
          : [`${folder}: spec`]),
      ];
    });
    expect(missing).to.deep.equal([]);
  });
});
