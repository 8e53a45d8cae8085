// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { builtinModules } from 'node:module';
import { importsOf, parseText, resolveImport, sourceFiles, type SourceFile } from './source_files.js';

/** The layers, lowest first: what each may import besides itself, the packages it may use, and whether it may use Node. */
const layers: Record<string, { imports: string[]; packages: string[]; node: boolean }> = {
  'src/intrinsics': { imports: [], packages: [], node: false },
  'src/vmm': { imports: ['src/intrinsics'], packages: ['inversify', 'reflect-metadata/lite'], node: false },
  'src/index.ts': { imports: ['src/intrinsics', 'src/vmm'], packages: ['reflect-metadata'], node: false },
  'src/machine': { imports: ['src/intrinsics'], packages: [], node: false },
  'src/driver': {
    imports: ['src/intrinsics', 'src/vmm', 'src/machine', 'src/index.ts'],
    packages: [],
    node: false,
  },
  'src/driver/node': {
    imports: ['src/intrinsics', 'src/vmm', 'src/driver', 'src/index.ts'],
    packages: ['inversify', 'reflect-metadata', 'esbuild', 'zod'],
    node: true,
  },
  'src/session': {
    imports: ['src/intrinsics', 'src/vmm', 'src/machine', 'src/driver'],
    packages: [],
    node: false,
  },
  'src/site': {
    imports: ['src/intrinsics', 'src/vmm', 'src/machine', 'src/driver', 'src/session'],
    packages: ['fflate', 'zod'],
    node: false,
  },
  'src/site/page': {
    imports: ['src/session', 'src/site'],
    packages: ['@xterm/xterm', '@xterm/addon-fit', 'esbuild-wasm', 'inversify', 'reflect-metadata'],
    node: false,
  },
  'src/machine_api.ts': {
    imports: ['src/machine', 'src/driver', 'src/driver/node', 'src/session'],
    packages: [],
    node: true,
  },
  'src/bfm': {
    imports: ['src/intrinsics', 'src/vmm', 'src/machine', 'src/driver', 'src/driver/node', 'src/session', 'src/site'],
    packages: ['commander', 'esbuild', 'picocolors', 'zod', 'iced-x86', 'vscode-jsonrpc/node', 'wasmparser'],
    node: true,
  },
};

/**
 * The folders and files of src/vmm, lowest first. Each may import itself and what comes before it; an import of a type counts. A folder holds
 * what its own interfaces need: the interface of a contribution point is in the folder of the component that asks the point.
 */
const vmmOrder: readonly string[] = [
  'error_codes.ts',
  'errors.ts',
  'symbol_dispose.ts',
  'sizes.ts',
  'vcpu_identity.ts',
  'state',
  'output',
  'support',
  'processor_facts',
  'symbols',
  'container',
  'requests',
  'processor_work',
  'reload',
  'accessors',
  'debug_ring',
  'serial',
  'memory_manager',
  'state_save',
  'vmm_state',
  'vmxon',
  'vmcs_fields',
  'ept',
  'vmcs',
  'exit',
  'contributions',
  'owners',
  'vmcall',
  'emulation',
  'exit_handler',
  'vcpu',
  'entry',
  'restore',
  'vmm_module.ts',
];

/**
 * The folders and files of src/intrinsics, lowest first, by the same rule. A file that is not in a folder is something that all folders use. A new
 * file belongs to the folder of its topic.
 */
const intrinsicsOrder: readonly string[] = [
  'bit_fields.ts',
  'component.ts',
  'errors.ts',
  'instructions',
  'vmx',
  'registers',
  'vmcs',
  'structures',
  'contents',
  'texts',
  'rules',
  'accessors',
];

/** The layers whose folders have an order. */
const orders: Readonly<Record<string, readonly string[]>> = {
  'src/vmm': vmmOrder,
  'src/intrinsics': intrinsicsOrder,
};

/** The layer of a file whose folders have an order, and the file's place in it: −1 if it has none. */
function placeOf(path: string): { readonly layer: string; readonly place: number } | undefined {
  const [, layer, part] = /^(src\/[^/]+)\/([^/]+)/.exec(path) ?? [];
  const order = orders[layer ?? ''];
  return order === undefined ? undefined : { layer: layer!, place: order.indexOf(part!) };
}

/** Imports within a layer that point up. */
function upwardImports(file: SourceFile): string[] {
  const own = placeOf(file.path);
  if (own === undefined) return [];
  const order = orders[own.layer]!;
  if (own.place < 0)
    return [`${file.path} is in no folder of ${own.layer} that its order lists; give it a place there`];
  return importsOf(file).flatMap((specifier) => {
    const target = resolveImport(file, specifier);
    const other = target === undefined ? undefined : placeOf(target);
    if (other?.layer !== own.layer || other.place <= own.place) return [];
    return [
      `${file.path} imports ${target}; ${order[own.place]} is below ${order[other.place]} and may import what is below itself`,
    ];
  });
}

/** What an extension may import besides its own files. A program that fuzzes it needs Node too. */
const publicNames = ['bareflank', 'bareflank/machine', 'bareflank/testing', 'inversify', 'chai', 'sinon', 'node:url'];

const layerOf = (path: string): string | undefined =>
  Object.keys(layers)
    .filter((layer) => path === layer || path.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];

const isNodeModule = (specifier: string): boolean =>
  specifier.startsWith('node:') || builtinModules.includes(specifier);

function violations(file: SourceFile): string[] {
  const layer = layerOf(file.path);
  if (layer === undefined)
    return [`${file.path} belongs to no layer; the layers are ${Object.keys(layers).join(', ')}`];
  const allowed = layers[layer]!;
  return importsOf(file).flatMap((specifier) => {
    const target = resolveImport(file, specifier);
    if (target !== undefined) {
      const reached = layerOf(target);
      if (reached === layer || (reached !== undefined && allowed.imports.includes(reached))) return [];
      return [
        `${file.path} imports ${target}; ${layer} may import: ${allowed.imports.join(', ') || 'nothing but itself'}`,
      ];
    }
    if (isNodeModule(specifier)) {
      return allowed.node ? [] : [`${file.path} imports ${specifier}; ${layer} runs without Node`];
    }
    if (allowed.packages.includes(specifier)) return [];
    return [
      `${file.path} imports the package ${specifier}; ${layer} may use: ${allowed.packages.join(', ') || 'none'}`,
    ];
  });
}

describe('The layers', () => {
  it('point one way only: intrinsics < vmm < driver < session < site and bfm, and machine knows nothing but intrinsics', () => {
    expect(sourceFiles('src').flatMap(violations)).to.deep.equal([]);
  });

  for (const [layer, order] of Object.entries(orders)) {
    it(`order the folders of ${layer}: each imports only what is below it, types included`, () => {
      expect(sourceFiles(layer).flatMap(upwardImports)).to.deep.equal([]);
    });

    it(`list no folder of ${layer} that does not exist`, () => {
      const places = new Set(sourceFiles(layer).map(({ path }) => placeOf(path)?.place));
      expect(order.filter((_part, place) => !places.has(place))).to.deep.equal([]);
    });
  }

  it('find an import that points up, if only of a type, and a folder without a place', () => {
    const up = parseText('src/vmm/ept/ept.ts', "import type { Vmcs } from '../vmcs/vmcs.js';");
    const down = parseText('src/vmm/vmcs/vmcs.ts', "import { Ept } from '../ept/ept.js';");
    const nowhere = parseText('src/vmm/somewhere/some.ts', '');
    const flat = parseText('src/intrinsics/some.ts', '');
    const register = parseText(
      'src/intrinsics/registers/some.ts',
      "import { VmcsField } from '../vmcs/vmcs_fields.js';",
    );
    const files = [up, down, nowhere, flat, register];
    expect(files.map((file) => upwardImports(file).length)).to.deep.equal([1, 0, 1, 1, 1]);
  });

  it('keep extensions on the public entry', () => {
    const wrong = sourceFiles('extensions').flatMap((file) =>
      importsOf(file)
        .filter((specifier) => !publicNames.includes(specifier))
        .filter((specifier) => {
          const target = resolveImport(file, specifier);
          return target === undefined || target.split('/')[1] !== file.path.split('/')[1];
        })
        .map((specifier) => `${file.path} imports ${specifier}; an extension imports 'bareflank' and its own files`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('have no import cycles, types included', () => {
    const files = new Map(sourceFiles('src').map((file) => [file.path, file]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      const file = files.get(path);
      if (file === undefined || done.has(path) || trail.includes(path)) return;
      for (const specifier of importsOf(file)) {
        const target = resolveImport(file, specifier);
        if (target !== undefined) visit(target, [...trail, path]);
      }
      done.add(path);
    };
    for (const path of files.keys()) visit(path, []);
    expect(cycles).to.deep.equal([]);
  });
});
