// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ConfigSpace } from '../../../../src/machine/devices/pci/config_space.js';

describe('ConfigSpace', () => {
  const register = { offset: 0xfc, size: 4 } as const;

  it('changes only writable bits by a write, and all by its own function', () => {
    const space = new ConfigSpace();
    space.define(register, 0x11223344, 0xff0000f0);
    space.write(0xfc, 4, 0xffffffff);
    expect(space.get(register)).to.equal(0xff2233f4);
    space.set(register, 0x80000001);
    expect(space.get(register)).to.equal(0x80000001);
    space.reset();
    expect(space.get(register)).to.equal(0x11223344);
  });

  it('ends at 256 bytes', () => {
    const space = new ConfigSpace();
    space.define(register, 0x11223344, 0xffffffff);
    space.write(0xfe, 4, 0);
    expect(space.read(0xfe, 4)).to.equal(0xffff0000);
    expect(space.save()).to.have.length(256);
  });
});
