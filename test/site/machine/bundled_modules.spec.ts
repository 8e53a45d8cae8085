// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { build } from 'esbuild';
import { siteBundleOptions } from '../../../src/site/machine/bundle_format.js';
import { nodeModules } from './node_surroundings.js';

const bundle = async (contents: string): Promise<string> => {
  const result = await build({ ...siteBundleOptions, stdin: { contents, loader: 'ts' } });
  return result.outputFiles[0]!.text;
};

const messageOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('BundledModules', () => {
  it('loads a bundle over the running copy of the framework', async () => {
    const modules = nodeModules();
    modules.add('own', await bundle(`import { vcpuModule } from 'bareflank'; export default vcpuModule(() => {});`));
    const { modules: loaded, hash } = await modules.load('own');
    expect(loaded.map(({ scope }) => scope)).to.deep.equal(['vcpu']);
    expect(hash).to.match(/^[0-9a-f]{64}$/);
  });

  it('leaves a text alone that looks like an import', async () => {
    const modules = nodeModules();
    const text = `import { vcpuModule } from 'bareflank'; export const said = 'import "bareflank"'; export default vcpuModule(() => {});`;
    modules.add('own', await bundle(text));
    expect((await modules.load('own')).modules).to.have.length(1);
  });

  it('takes the new code of a name at the next load', async () => {
    const modules = nodeModules();
    const code = (scope: string): Promise<string> =>
      bundle(`import { ${scope}Module } from 'bareflank'; export default ${scope}Module(() => {});`);
    modules.add('own', await code('vcpu'));
    await modules.load('own');
    modules.add('own', await code('vmm'));
    expect((await modules.load('own')).modules.map(({ scope }) => scope)).to.deep.equal(['vmm']);
  });

  it('refuses what is no module, and what throws while it is loaded', async () => {
    const modules = nodeModules();
    modules.add('plain', 'export const answer = 42;');
    modules.add('failing', 'throw new Error("not today");');
    expect(await messageOf(modules.load('plain'))).to.match(/^plain is not a module: none of its exports/);
    expect(await messageOf(modules.load('failing'))).to.equal(
      'failing: it threw while it was loaded: Error: not today',
    );
  });
});

describe('siteBundleOptions', () => {
  it('let modules import the framework by its public name only', async () => {
    expect(await messageOf(bundle(`import 'bareflank/src/vmm/vcpu/vcpu.js';`))).to.include('is not public');
    expect(await messageOf(bundle(`import 'node:fs';`))).to.include('Could not resolve "node:fs"');
  });

  it('refuse an await at the top level of a module, which would hide its Promises', async () => {
    expect(await messageOf(bundle(`export const one = await 1;`))).to.include('Top-level await is not available');
  });
});
