// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { dependencyList, KernelModules, type KernelModule } from '../../../src/bfm/make_guest/kernel_modules.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { moduleText } from './fake_debian.js';

const folder = temporaryFolder();

const modules = (): KernelModules =>
  new KernelModules(join(folder.path, 'modules'), { folder: folder.path, signal: new AbortController().signal });

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('KernelModules', () => {
  before(() => {
    folder.write('modules/modules.builtin', 'kernel/lib/built-in.ko\n');
    for (const [name, needs] of Object.entries({
      'a/top-most': 'middle,low,built-in',
      'b/middle': 'low',
      'b/low': '',
    }))
      folder.write(`modules/kernel/${name}.ko`, moduleText(needs));
    folder.write('modules/kernel/odd.ko', 'no module');
  });

  it('gives what a module needs before the module, once, without what is built in', async () => {
    const found = await modules().withNeeds(['top_most', 'low', 'built_in']);
    expect(found.map(({ name }) => name)).to.deep.equal(['low', 'middle', 'top_most']);
    expect(found[2]!.bytes.toString('latin1')).to.equal(moduleText('middle,low,built-in'));
  });

  it('names a module that the kernel does not have', async () => {
    const error = await rejection(modules().withNeeds(['virtio_pci']));
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.match(/no module virtio_pci in .*modules/);
  });

  it('refuses a file that does not say what it needs', async () => {
    const error = await rejection(modules().withNeeds(['odd']));
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.match(/odd\.ko does not say which modules it needs/);
  });
});

describe('dependencyList', () => {
  const module = (name: string, ...needs: string[]): KernelModule => ({ name, needs, bytes: Buffer.alloc(0) });

  it('lists all that a module needs, and last what is loaded first', () => {
    const list = dependencyList([module('ring'), module('virtio', 'ring'), module('pci', 'ring', 'virtio', 'builtin')]);
    expect(list).to.equal('ring.ko:\nvirtio.ko: ring.ko\npci.ko: virtio.ko ring.ko\n');
  });
});
