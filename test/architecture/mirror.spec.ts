// SPDX-License-Identifier: LGPL-2.1-only
// A source and its spec share a path: src/vmm/serial/serial_port_intel_x64.ts and test/vmm/serial/serial_port_intel_x64.spec.ts.
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { maximumOfCovered, coveredBy } from './covered_by.js';
import { distancesFrom, importGraph } from './import_graph.js';
import { root, sourceFiles, type SourceFile } from './source_files.js';
import { scenarios } from './scenarios.js';

/** Folders of test/ that are kinds of tests, and mirror no folder of src/. */
const kinds: readonly string[] = [
  'test/architecture', // the laws of the sources themselves
  'test/bochs', // the same program here and on Bochs
  'test/differential', // the core compared with the processor of this machine
  'test/docs', // what documents say
  'test/fuzz', // random programs
  'test/scripts', // builds, and what npm does
  'test/support', // the stubs that users get as bareflank/testing
];

/** What runs in a browser only: `test/site/page/page.spec.ts` drives all of it there. */
const inBrowser = 'src/site/page/';

const exists = (path: string): boolean => existsSync(join(root, path));
const isOfKind = (path: string): boolean => kinds.some((kind) => path.startsWith(`${kind}/`));

/** Where the source of a spec is: below extensions/ or src/. */
const sourceOf = (spec: string): string =>
  spec
    .replace(/^test\/(?!extensions\/)/, 'src/')
    .replace(/^test\//, '')
    .replace(/\.spec\.ts$/, '.ts');
const specOf = (source: string): string => source.replace(/^src\//, 'test/').replace(/\.ts$/, '.spec.ts');

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** Lines of functions with a body of statements. Tables, types and one-line functions have nothing that a spec of their own would hold. */
function linesOfCode({ tree }: SourceFile): number {
  let lines = 0;
  const lineOf = (at: number): number => tree.getLineAndCharacterOfPosition(at).line;
  const visit = (node: ts.Node): void => {
    const body = ts.isFunctionLike(node) ? (node as ts.FunctionLikeDeclaration).body : undefined;
    if (body === undefined || !ts.isBlock(body)) ts.forEachChild(node, visit);
    else lines += lineOf(body.end) - lineOf(body.getStart()) + 1;
  };
  visit(tree);
  return lines;
}

/** From here on a source is more than trivial. */
const substantial = 12;

describe('The tests mirror the sources', () => {
  const sources = sourceFiles('src');
  const tests = sourceFiles('test');
  const specs = tests.map(({ path }) => path).filter((path) => path.endsWith('.spec.ts'));

  it('each spec is at the path of a source, or tells a scenario of the folder that its folder mirrors', () => {
    const wrong = specs
      .filter((spec) => !isOfKind(spec) && !exists(sourceOf(spec)) && !scenarios.includes(spec))
      .map(
        (spec) =>
          `${spec}: there is no ${sourceOf(spec)}; move or rename the spec, or add it to scenarios.ts if it has no one source`,
      );
    expect(wrong).to.deep.equal([]);
  });

  it('each folder of specs is at the path of a folder of sources', () => {
    const wrong = specs
      .filter((spec) => !isOfKind(spec) && !exists(folderOf(sourceOf(spec))))
      .map((spec) => `${spec}: there is no ${folderOf(sourceOf(spec))}`);
    expect(wrong).to.deep.equal([]);
  });

  it('the scenarios exist, and none has a source at its path', () => {
    expect(scenarios.filter((spec) => !exists(spec) || exists(sourceOf(spec)))).to.deep.equal([]);
  });

  it('each source with code has a spec at its path, or is listed with the spec that covers it', () => {
    const wrong = sources
      .filter((file) => !file.path.startsWith(inBrowser))
      .filter((file) => linesOfCode(file) >= substantial && !exists(specOf(file.path)) && !(file.path in coveredBy))
      .map(({ path }) => `${path} has no ${specOf(path)}; write it`);
    expect(wrong).to.deep.equal([]);
  });

  it('the list of the others only shrinks: each source in it has code and no spec at its path, and the spec named loads it', () => {
    const byPath = new Map(sources.map((file) => [file.path, file]));
    const graph = importGraph([...sources, ...tests, ...sourceFiles('extensions')]);
    const reached = new Map([...new Set(Object.values(coveredBy))].map((spec) => [spec, distancesFrom(graph, spec)]));
    const wrong = Object.entries(coveredBy).flatMap(([path, spec]) => {
      const source = byPath.get(path);
      if (source === undefined) return [`${path} is gone; take its line out of covered_by.ts`];
      if (exists(specOf(path))) return [`${path} has its spec; take its line out of covered_by.ts`];
      if (linesOfCode(source) < substantial) return [`${path} needs no spec; take its line out of covered_by.ts`];
      if (!graph.has(spec)) return [`${path}: ${spec} is gone; name the spec that covers it`];
      return reached.get(spec)!.has(path) ? [] : [`${path}: ${spec} does not load it; name the spec that covers it`];
    });
    expect(wrong).to.deep.equal([]);
    expect(Object.keys(coveredBy).length, 'lines of covered_by.ts; lower maximumOfCovered').to.equal(maximumOfCovered);
  });
});
