// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { At, madeUpLinux } from './made_up_linux.js';

/** Changes a word of the module's memory. */
async function changed(at: number, value: bigint, address = At.moduleFunction): Promise<string | undefined> {
  const pc = await madeUpLinux('6.4');
  pc.core.guestRam.set(new Uint8Array(BigUint64Array.of(value).buffer), 0x700000 + at);
  return pc.symbols.own.nameOf(address);
}

describe('findInModules', () => {
  it('takes the nearest symbol of the module, and none that the module only refers to', async () => {
    expect(await changed(0x3000, 0n)).to.equal('probe [virtio_net]');
    expect(await changed(0x3000, 0n, At.moduleFunction - 1n)).to.equal('start+0x3f [virtio_net]');
    expect(await changed(0x1030, 7n)).to.equal('start+0x40 [virtio_net]');
  });

  it('finds nothing in a structure that is no module, or that the kernel has not finished', async () => {
    expect(await changed(24, 0x2f2e2fn), 'a name with other characters').to.equal(undefined);
    expect(await changed(0x1f8, 0n), 'no pointer to the symbols').to.equal(undefined);
    expect(await changed(0x208, 1n << 31n), 'too many symbols').to.equal(undefined);
    expect(await changed(0x200, 0x1000n), 'symbols of a process').to.equal(undefined);
  });

  it('does not reach over a page that is not mapped', async () => {
    expect(await changed(0x3000, 0n, At.module + 0x2fffn)).to.equal('probe+0xfbf [virtio_net]');
    expect(await changed(0x3000, 0n, At.nobody)).to.equal(undefined);
  });
});
