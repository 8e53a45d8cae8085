// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { build } from 'esbuild';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { newQuickJSWASMModule, newVariant, RELEASE_SYNC, type QuickJSWASMModule } from 'quickjs-emscripten';
import { readModuleList } from '../../src/driver/node/module_list.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { allocations, withCountedMalloc } from './counted_malloc.js';

const exits = 20_000;

const extensionsFolder = join(packageRoot, 'extensions');

/** The module files of every extension of ours, by their `.modules` lists. */
const moduleFiles = readdirSync(extensionsFolder)
  .filter((folder) => folder.startsWith('hypervisor_'))
  .flatMap((folder) =>
    readdirSync(join(extensionsFolder, folder))
      .filter((name) => name.endsWith('.modules'))
      .flatMap((list) => readModuleList(join(extensionsFolder, folder, list))),
  );

/** The VMM, every extension and a guest's exits, as one script for an engine that has nothing but the language. */
const script = `
  import * as bareflank from 'bareflank';
  ${moduleFiles.map((file, index) => `import * as module${index} from ${JSON.stringify(file)};`).join('\n  ')}
  import { startedVmm } from './build/test/vmm/started_vmm.js';
  const exported = [${moduleFiles.map((_file, index) => `...Object.values(module${index})`).join(', ')}];
  const { machine, vmm } = startedVmm(exported.filter((each) => each instanceof bareflank.PartModule));
  globalThis.takeExits = (count) => {
    for (let each = 0; each < count; each++) machine.exit(bareflank.ExitReason.Cpuid);
  };
  globalThis.result = () => JSON.stringify([vmm.vcpuManager.reports(), machine.stops]);
`;
const reports = {
  'cpuid-value': { changed: 0 },
  cpuidcount: { count: exits },
  'deny-msr-write': { denied: 0 },
  'ept-hook': { taken: 0 },
  'hide-exit-time': { 'hidden ticks': 0 },
  'hide-hypervisor': { 'hypervisor bits': 0, leaves: 0, MSRs: 0, VMCALLs: 0 },
  'racing-hook': { taken: 0 },
  'shadow-hook': { 'data accesses': 0, taken: 0 },
  'trace-syscalls': { calls: 0 },
  vpid: { 'vcpus with a vpid': 1 },
  'watch-cr3': { 'address spaces': 0, loads: 0 },
};

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: packageRoot, loader: 'ts' },
    alias: { bareflank: join(buildFolder, 'src', 'index.js') },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2020',
    logLevel: 'silent',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
  });
  return outputFiles[0]!.text;
}

/** QuickJS with a malloc that counts. */
function countingEngine(): Promise<QuickJSWASMModule> {
  const folder = dirname(fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync')));
  // The names of the module's exports are one letter each; the glue code gives them their C names.
  const [, malloc] = /\b_malloc=\w+\.(\w+)/.exec(readFileSync(join(folder, 'emscripten-module.mjs'), 'utf8'))!;
  const wasm = readFileSync(join(folder, 'emscripten-module.wasm'));
  return newQuickJSWASMModule(newVariant(RELEASE_SYNC, { wasmBinary: withCountedMalloc(wasm, malloc!).buffer }));
}

/** The global Symbol of an engine that is older than explicit resource management; newer ones do not let go of Symbol.dispose. */
const withoutDispose = `
  const Native = Symbol;
  const Older = function Symbol(description) { return Native(description); };
  for (const name of Object.getOwnPropertyNames(Native))
    if (!['dispose', 'asyncDispose', 'length', 'name', 'prototype'].includes(name)) Older[name] = Native[name];
  Older.prototype = Native.prototype;
  globalThis.Symbol = Older;
`;

describe('The VMM with every extension', () => {
  it('bundles what each extension lists', () => {
    const folders = readdirSync(extensionsFolder).filter((folder) => folder.startsWith('hypervisor_'));
    const bundled = new Set(moduleFiles.map((file) => relative(realpathSync(extensionsFolder), file).split(sep)[0]));
    expect([...bundled].sort()).to.deep.equal(folders.sort());
  });

  it('runs in a bare context without Node’s and the browser’s globals', async () => {
    const context = createContext(Object.create(null) as object, { codeGeneration: { strings: false, wasm: false } });
    runInContext(`{ ${withoutDispose} }`, context);
    const isBare = `delete globalThis.console; typeof process + typeof Buffer + typeof TextEncoder + typeof setTimeout + typeof console + typeof Symbol.dispose`;
    expect(runInContext(isBare, context), 'no Symbol.dispose either: the entry installs it').to.equal(
      'undefined'.repeat(6),
    );
    runInContext(await bundle(), context);
    runInContext(`takeExits(${exits})`, context);
    expect(JSON.parse(runInContext('result()', context) as string)).to.deep.equal([reports, []]);
  });

  it('runs in QuickJS, the engine meant for bare metal, and keeps nothing of an exit', async function () {
    this.timeout(120_000);
    const engine = await countingEngine();
    const runtime = engine.newRuntime();
    const context = runtime.newContext();
    const run = (code: string): unknown => {
      const handle = context.unwrapResult(context.evalCode(code));
      const value: unknown = context.dump(handle);
      handle.dispose();
      return value;
    };
    const memory = (): { objects: number; bytes: number } => {
      const usage = runtime.computeMemoryUsage();
      const { obj_count: objects, memory_used_size: bytes } = context.dump(usage) as Record<string, number>;
      usage.dispose();
      return { objects: objects!, bytes: bytes! };
    };
    try {
      run(await bundle());
      const made = allocations(engine.getWasmMemory()).blocks;
      run('for (let each = 0; each < 1000; each++) ({ each });');
      expect(allocations(engine.getWasmMemory()).blocks - made, 'blocks of a thousand objects').to.be.within(
        1000,
        5000,
      );
      run('takeExits(1000)');
      const [before, allocatedBefore] = [memory(), allocations(engine.getWasmMemory())];
      run(`takeExits(${exits - 1000})`);
      const [after, allocatedAfter] = [memory(), allocations(engine.getWasmMemory())];
      const perExit = (kind: 'objects' | 'bytes'): number => (after[kind] - before[kind]) / (exits - 1000);
      const allocated = (kind: 'blocks' | 'bytes'): string =>
        ((allocatedAfter[kind] - allocatedBefore[kind]) / (exits - 1000)).toFixed(1);
      // eslint-disable-next-line no-console -- figures for the reader; no test asserts bytes
      console.log(
        `      kept by an exit: ${perExit('objects')} objects, ${perExit('bytes')} bytes\n` +
          `      allocated by an exit, the fake machine's part included: ${allocated('blocks')} blocks, ${allocated('bytes')} bytes`,
      );
      expect(JSON.parse(run('result()') as string)).to.deep.equal([reports, []]);
      expect(perExit('objects'), 'objects').to.be.lessThan(0.01);
    } finally {
      context.dispose();
      runtime.dispose();
    }
  });
});
