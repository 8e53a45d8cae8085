// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { build } from 'esbuild';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';

/** The VMM, its example and a guest's exits, as one script for an engine that has nothing but the language. */
const script = `
  import * as bareflank from 'bareflank';
  import cpuidCount from './extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts';
  import { startedVmm } from './build/test/vmm/started_vmm.js';
  const { machine, vmm } = startedVmm([cpuidCount]);
  for (let each = 0; each < 3; each++) machine.exit(bareflank.ExitReason.Cpuid);
  globalThis.result = JSON.stringify(vmm.vcpuManager.reports());
`;

/** The global Symbol of an engine that is older than explicit resource management; newer ones do not let go of Symbol.dispose. */
const withoutDispose = `
  const Native = Symbol;
  const Older = function Symbol(description) { return Native(description); };
  for (const name of Object.getOwnPropertyNames(Native))
    if (!['dispose', 'asyncDispose', 'length', 'name', 'prototype'].includes(name)) Older[name] = Native[name];
  Older.prototype = Native.prototype;
  globalThis.Symbol = Older;
`;

describe('The VMM', () => {
  it('runs in a bare context without Node’s and the browser’s globals', async () => {
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
    const context = createContext(Object.create(null) as object, { codeGeneration: { strings: false, wasm: false } });
    runInContext(`{ ${withoutDispose} }`, context);
    const isBare = `delete globalThis.console; typeof process + typeof Buffer + typeof TextEncoder + typeof setTimeout + typeof console + typeof Symbol.dispose`;
    expect(runInContext(isBare, context), 'no Symbol.dispose either: the entry installs it').to.equal(
      'undefined'.repeat(6),
    );
    runInContext(outputFiles[0]!.text, context);
    expect(runInContext('result', context)).to.equal('{"cpuidcount":{"count":3}}');
  });
});
