// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ConfigSpace } from '../../../../src/machine/devices/pci/config_space.js';
import { PciAccess } from '../../../../src/machine/devices/virtio/pci_access.js';

describe('PciAccess', () => {
  const AT = 0x40;

  function make(): { config: ConfigSpace; access: PciAccess; log: string[] } {
    const config = new ConfigSpace();
    const log: string[] = [];
    const structures = {
      readMmio: (offset: number, size: number) => (log.push(`read ${offset}/${size}`), 0x55),
      writeMmio: (offset: number, size: number, value: number) => void log.push(`write ${offset}/${size} ${value}`),
    };
    return { config, access: new PciAccess(config, AT, structures, 0, 0x4000), log };
  }

  function describeAccess(config: ConfigSpace, bar: number, offset: number, length: number): void {
    config.set({ offset: AT + 4, size: 1 }, bar);
    config.set({ offset: AT + 8, size: 4 }, offset);
    config.set({ offset: AT + 12, size: 4 }, length);
  }

  it('makes the access that its fields describe, when the data field is accessed', () => {
    const { config, access, log } = make();
    describeAccess(config, 0, 0x14, 2);
    access.beforeRead(AT + 16);
    expect(config.read(AT + 16, 2)).to.equal(0x55);
    config.set({ offset: AT + 16, size: 4 }, 0x11112222);
    access.afterWrite(AT + 16);
    access.beforeRead(AT + 8);
    access.afterWrite(AT + 8);
    expect(log).to.deep.equal(['read 20/2', `write 20/2 ${0x2222}`]);
  });

  it('makes no access to another range, beyond the end, misaligned or of another length', () => {
    const { config, access, log } = make();
    for (const [bar, offset, length] of [
      [1, 0, 4],
      [0, 0x4000, 1],
      [0, 0xfffffffc, 4],
      [0, 2, 4],
      [0, 0, 3],
      [0, 0, 0],
    ] as const) {
      describeAccess(config, bar, offset, length);
      access.beforeRead(AT + 16);
      access.afterWrite(AT + 16);
    }
    expect(log).to.deep.equal([]);
  });
});
