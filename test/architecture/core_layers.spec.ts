// SPDX-License-Identifier: LGPL-2.1-only
// The CPU core's folders have an order, and its files no import cycle. The generated files count: the run loop is one of them.
import { expect } from 'chai';
import { dirname } from 'node:path';
import { expand, generate } from '../../src/machine/generator/generate.js';
import { topics } from '../../src/machine/instructions.js';
import { contentsTexts, coreFiles, importsOf, parseCore, resolveImport, type SourceFile } from './source_files.js';

const core = 'src/machine/cpu';

/** The folders of the core, lowest first. A folder may import itself and those before it; cpu.ts, the entry, may import all. */
const folders: readonly (readonly [string, string])[] = [
  ['generated', "the layout, src/intrinsics' numbers and predicates, the record's fields and the decoder's tables"],
  ['state', 'registers, flags, modes and the instruction that is being executed: words, and nothing that faults'],
  ['events', 'raising exceptions; breakpoints'],
  ['vmx', 'VM exits and what asks for them'],
  ['tlb', 'the TLBs, and what selects them'],
  ['code', 'the record of a decoded instruction; which pages hold decoded code'],
  ['physical', 'RAM and devices by physical address'],
  ['virtual_apic', 'the virtual-APIC page, and accesses that go to it'],
  ['translation', 'page walks and EPT'],
  ['memory', 'access by linear address: the inlined hit, the slow path, system structures, fetches'],
  ['decode', 'bytes to records and blocks'],
  ['float', 'floating-point numbers without registers; what x87, MMX and SSE share'],
  ['segmentation', 'descriptors, segment registers, tasks'],
  ['delivery', 'events to handlers'],
  ['integer', 'instructions on general registers'],
  ['control_flow', 'near and far branches'],
  ['x87', 'x87 instructions'],
  ['simd', 'MMX and SSE instructions'],
  ['system', 'system instructions, MSRs, saved processor state'],
  ['dispatch', 'the run loop'],
];
const order = folders.map(([name]) => `${core}/${name}`);

/** Hand-written and generated files of the core, by path. */
function allFiles(): Map<string, SourceFile> {
  const own = coreFiles();
  const sources = new Map(own.map(({ path, text }) => [path.slice(core.length + 1, -3), text]));
  const { 'dispatch/templates.ts': _entryOfTheTemplates, ...generated } = generate(
    expand(topics, sources),
    contentsTexts(),
  );
  const made = Object.entries(generated).map(([name, text]) => parseCore(`${core}/${name}`, text));
  return new Map([...own, ...made].map((file) => [file.path, file]));
}

const importedFiles = (file: SourceFile): string[] =>
  importsOf(file).map((specifier) => `${resolveImport(file, specifier)}.ts`);

/** Imports that go up in the order of folders. */
function upward(file: SourceFile): string[] {
  const own = order.indexOf(dirname(file.path));
  if (own < 0) return file.path === `${core}/cpu.ts` ? [] : [`${file.path} is in no folder of the list in this test`];
  return importedFiles(file)
    .filter((path) => order.indexOf(dirname(path)) < 0 || order.indexOf(dirname(path)) > own)
    .map((path) => `${file.path} imports ${path}; its folder may import: ${order.slice(0, own + 1).join(', ')}`);
}

function cyclesOf(files: ReadonlyMap<string, SourceFile>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    const file = files.get(path);
    if (file === undefined || done.has(path) || trail.includes(path)) return;
    for (const target of importedFiles(file)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return cycles;
}

describe("The core's layers", () => {
  const files = allFiles();

  it('point one way only', () => {
    expect(files.size).to.be.greaterThan(75);
    expect([...files.values()].flatMap(upward)).to.deep.equal([]);
  });

  it('have no import cycles', () => {
    expect(cyclesOf(files)).to.deep.equal([]);
  });

  it('import only files that there are', () => {
    const missing = [...files.values()].flatMap((file) =>
      importedFiles(file)
        .filter((path) => !files.has(path))
        .map((path) => `${file.path} imports ${path}, which does not exist`),
    );
    expect(missing).to.deep.equal([]);
  });

  it('hold at most 20 files each', () => {
    const counts = order.map((folder) => [...files.keys()].filter((path) => dirname(path) === folder).length);
    expect(order.filter((_folder, index) => counts[index]! > 20)).to.deep.equal([]);
    expect(order.filter((_folder, index) => counts[index] === 0)).to.deep.equal([]);
  });

  it('are found wanting when a file imports upwards or in a circle', () => {
    const low = parseCore(`${core}/state/low.ts`, "import { high } from '../memory/high';");
    const high = parseCore(`${core}/memory/high.ts`, "import { low } from '../state/low';");
    expect(upward(low)).to.have.length(1);
    expect(upward(high)).to.deep.equal([]);
    expect(cyclesOf(new Map([low, high].map((file) => [file.path, file])))).to.have.length(1);
  });
});
