// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { Sizes } from '../../../src/machine/layout/regions.js';
import { CoreInstance } from '../../../src/machine/processor/core_instance.js';
import { coreModule, emptyBus } from '../../support/test_core.js';

const memoryBytes = 16 << 20;
const module = await coreModule();
const instance = new CoreInstance({ module, memoryBytes, bus: emptyBus });
const carveOut = Sizes.CARVE_OUT_GIB * 2 ** 30;

describe('CoreInstance', () => {
  it('finds RAM, and the parts of the carve-out that are asked for', () => {
    const { CARVE_OUT_VMM: vmm, CARVE_OUT_DRIVER: driver, CARVE_OUT_VMM_BYTES: vmmBytes } = Constants;
    expect(instance.offsetIn(0x1234, 0)).to.equal(Layout.RAM + 0x1234);
    expect(instance.offsetIn(memoryBytes, vmm | driver)).to.equal(-1);
    expect([instance.offsetIn(carveOut, vmm), instance.offsetIn(carveOut, driver)]).to.deep.equal([
      Layout.RAM + memoryBytes,
      -1,
    ]);
    expect([instance.offsetIn(carveOut + vmmBytes, vmm), instance.offsetIn(carveOut + vmmBytes, driver)]).to.deep.equal(
      [-1, Layout.RAM + memoryBytes + vmmBytes],
    );
    expect(instance.offsetIn(carveOut + Sizes.CARVE_OUT, vmm | driver)).to.equal(-1);
  });

  it('marks the pages dirty that the machine writes', () => {
    instance.dirtyPages.fill(0);
    instance.guestRam.set([1, 2, 3, 4], 0x2ffe);
    expect([...instance.dirtyPages.subarray(1, 5)]).to.deep.equal([0, 1, 1, 0]);
    expect([...instance.u8.subarray(Layout.RAM + 0x2ffe, Layout.RAM + 0x3002)]).to.deep.equal([1, 2, 3, 4]);
  });

  it('refuses memory of another size to be used again', () => {
    const { memory } = instance;
    expect(() => new CoreInstance({ module, memoryBytes: 2 * memoryBytes, bus: emptyBus, memory })).to.throw(
      RangeError,
      /^memory of \d+ bytes to be used again: wanted \d+ bytes$/,
    );
  });
});
