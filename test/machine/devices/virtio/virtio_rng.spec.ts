// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VirtioRng } from '../../../../src/machine/devices/virtio/virtio_rng.js';
import { DescriptorFlag } from '../../../../src/machine/devices/virtio/virtio_registers.js';
import { Area, VirtioMachine } from './virtio_machine.js';

describe('VirtioRng', () => {
  /** The bytes that two requests get. */
  function bytes(rng: VirtioRng, count: number): number[] {
    const machine = new VirtioMachine(rng);
    machine.start();
    const from = (): number[] => {
      machine.chain({ address: Area.Data, bytes: count, flags: DescriptorFlag.Write });
      machine.offer(0);
      machine.complete();
      return [...machine.ram.subarray(Area.Data, Area.Data + count)];
    };
    return [...from(), ...from()];
  }

  it('gives the same numbers for the same seed, and others for another', () => {
    expect(bytes(new VirtioRng(1), 16)).to.deep.equal(bytes(new VirtioRng(1), 16));
    expect(bytes(new VirtioRng(1), 16)).to.not.deep.equal(bytes(new VirtioRng(2), 16));
  });

  it('gives each value about as often', () => {
    const counts = new Array<number>(256).fill(0);
    for (const byte of bytes(new VirtioRng(7), 4096)) counts[byte]!++;
    expect(Math.min(...counts)).to.be.above(10);
    expect(Math.max(...counts)).to.be.below(60);
  });

  it('goes on from its saved state', () => {
    const rng = new VirtioRng(3);
    bytes(rng, 8);
    const other = new VirtioRng(0);
    other.restore(rng.save());
    expect(bytes(other, 8)).to.deep.equal(bytes(rng, 8));
  });

  it('fills at most 4096 bytes of a larger buffer, and says so', () => {
    const machine = new VirtioMachine(new VirtioRng(1));
    machine.start();
    machine.chain({ address: 0x10000, bytes: 0x8000, flags: DescriptorFlag.Write });
    machine.offer(0);
    machine.complete();
    expect([machine.used(0), machine.ram[0x11000]]).to.deep.equal([[0, 0x1000], 0]);
  });
});
