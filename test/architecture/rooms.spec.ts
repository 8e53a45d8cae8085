// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { importsOf, resolveImport, sourceFiles, type SourceFile } from './source_files.js';

/**
 * The most files that a folder holds. A folder that grows beyond has more than one topic: give each topic a folder of its own, move the specs to
 * the same path below test/, and add the new folders to ARCHITECTURE.md. Do not raise the number.
 */
const mostFiles = 22;

/** The folders of src/bfm, lowest first. Each may import itself and what comes before it; an import of a type counts. */
const bfmOrder: readonly string[] = [
  'failures',
  'options',
  'console',
  'guests',
  'death',
  'snapshot',
  'worker',
  'instruments',
  'compiled',
  'recording',
  'watch',
  'evaluate',
  'gdb',
  'run',
  'link',
  'make_guest',
  'host',
  'replay',
  'explore',
  'client',
  'describe',
  'extension',
  'cli',
  'main.ts',
];

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** The place of a file of src/bfm in `bfmOrder`; −1 if it has none, undefined for other files. */
function placeInBfm(path: string): number | undefined {
  const [, part] = /^src\/bfm\/([^/]+)/.exec(path) ?? [];
  return part === undefined ? undefined : bfmOrder.indexOf(part);
}

function upwardImports(file: SourceFile): string[] {
  const place = placeInBfm(file.path)!;
  if (place < 0) return [`${file.path} is in no folder of src/bfm that the table lists; give it a place in bfmOrder`];
  return importsOf(file).flatMap((specifier) => {
    const target = resolveImport(file, specifier);
    const other = target === undefined ? undefined : placeInBfm(target);
    return other === undefined || other <= place
      ? []
      : [`${file.path} imports ${target}; ${bfmOrder[place]} is below ${bfmOrder[other]}`];
  });
}

describe('The rooms', () => {
  it('hold about 20 files at most', () => {
    const counts = new Map<string, number>();
    for (const { path } of [...sourceFiles('src'), ...sourceFiles('test')])
      counts.set(folderOf(path), (counts.get(folderOf(path)) ?? 0) + 1);
    expect(counts.size).to.be.greaterThan(60);
    const wrong = [...counts]
      .filter(([, count]) => count > mostFiles)
      .map(([folder, count]) => `${folder} has ${count} files; make a folder for one of its topics`);
    expect(wrong).to.deep.equal([]);
  });

  it('of src/bfm have an order: failures < options < console < guests < death < worker < run < host < client < … < cli < main.ts', () => {
    expect(sourceFiles('src/bfm').flatMap(upwardImports)).to.deep.equal([]);
  });
});
