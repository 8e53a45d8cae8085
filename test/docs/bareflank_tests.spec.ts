// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../architecture/source_files.js';

const page = readFileSync(join(root, 'docs/bareflank_tests.md'), 'utf8');

interface Row {
  readonly component: string;
  readonly group: string;
  readonly cases: number;
  readonly here: number;
  /** Specs, each with the names of its tests that the page lists. */
  readonly where: readonly (readonly [string, readonly string[]])[];
  readonly remark: string;
}

/** `A.spec.ts`: `x`, `y`; `B.spec.ts`: `z`. */
function referencesOf(cell: string): (readonly [string, readonly string[]])[] {
  const result: [string, string[]][] = [];
  for (const [, text] of cell.matchAll(/`([^`]+)`/g)) {
    if (text!.endsWith('.spec.ts')) result.push([text!, []]);
    else result[result.length - 1]![1].push(text!);
  }
  return result;
}

function rowsOf(section: string, component: string): Row[] {
  return section
    .split('\n')
    .filter((line) => /^\| \w+ \| \d+ \|/.test(line))
    .map((line) => {
      const [group, cases, here, where, remark] = line
        .split('|')
        .slice(1, 6)
        .map((cell) => cell.trim());
      return {
        component,
        group: group!,
        cases: Number(cases),
        here: Number(here),
        where: referencesOf(where!),
        remark: remark!,
      };
    });
}

const components = [...page.matchAll(/^## (\w+) \((\d+)\)\n([^]*?)(?=^## )/gm)].map(([, name, cases, section]) => ({
  name: name!,
  cases: Number(cases),
  rows: rowsOf(section!, name!),
}));
const rows = components.flatMap((each) => each.rows);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** The names of the describes and its of a spec: texts, and patterns for those with placeholders. */
function titlesOf(spec: string): (name: string) => boolean {
  const source = ts.createSourceFile(spec, readFileSync(join(root, spec), 'utf8'), ts.ScriptTarget.ES2022, true);
  const exact = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(describe|it)$/.test(node.expression.getText(source))) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) exact.add(title.text);
      else if (title !== undefined && ts.isTemplateExpression(title)) exact.add(title.getText(source).slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return (name) => exact.has(name);
}

describe('docs/bareflank_tests.md', () => {
  it('has 16 components with 2,219 cases', () => {
    expect(components).to.have.length(16);
    expect(sum(components.map(({ cases }) => cases))).to.equal(2219);
    expect(page).to.include("# Where Bareflank's 2,219 unit tests are here");
  });

  for (const { name, cases, rows: groups } of components) {
    it(`lists all cases of ${name}, group by group`, () => {
      expect(sum(groups.map((row) => row.cases))).to.equal(cases);
      const names = groups.map(({ group }) => group);
      expect(new Set(names).size).to.equal(names.length);
    });
  }

  it('explains what is not tested here, with its number', () => {
    for (const { component, group, cases, here, remark } of rows) {
      const where = `${component}, ${group}`;
      expect(here, where).to.be.at.most(cases);
      const told = Number(/^(\d+): ./.exec(remark)?.[1] ?? 0);
      expect(told, where).to.equal(cases - here);
    }
  });

  it('names a spec for each group that has something here, and none else', () => {
    for (const { component, group, here, where } of rows) {
      expect(where.length > 0, `${component}, ${group}`).to.equal(here > 0);
      for (const [spec, names] of where) expect(names, `${group}: ${spec}`).to.not.be.empty;
    }
  });

  const specs = [...new Set(rows.flatMap(({ where }) => where.map(([spec]) => spec)))].sort();
  for (const spec of specs) {
    it(`names what ${spec} holds`, () => {
      expect(existsSync(join(root, spec)), 'it exists').to.equal(true);
      const holds = titlesOf(spec);
      const named = rows.flatMap(({ where }) => where.filter(([each]) => each === spec).flatMap(([, names]) => names));
      expect([...new Set(named)].filter((name) => !holds(name))).to.deep.equal([]);
    });
  }
});
