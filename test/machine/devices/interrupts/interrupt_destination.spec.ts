// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  BROADCAST,
  isDestination,
  logicalId,
  wideDestination,
} from '../../../../src/machine/devices/interrupts/interrupt_destination.js';

describe('isDestination', () => {
  const xapic = (id: number, ldr = 0, dfr = 0xffffffff) => ({ isX2apic: false, id, ldr: (ldr << 24) >>> 0, dfr });
  const x2apic = (id: number) => ({ ...xapic(id), isX2apic: true });

  it('takes a physical destination for a number, or for all', () => {
    for (const apic of [xapic(3), x2apic(3)]) {
      expect(isDestination(apic, 3, false)).to.equal(true);
      expect(isDestination(apic, 2, false)).to.equal(false);
      expect(isDestination(apic, BROADCAST, false)).to.equal(true);
    }
  });

  it('takes a logical destination of the flat model for a set of bits', () => {
    expect(isDestination(xapic(3, 8), 0xf8, true)).to.equal(true);
    expect(isDestination(xapic(3, 8), 0xf7, true)).to.equal(false);
    expect(isDestination(xapic(3, 8), 0xff, true)).to.equal(true);
  });

  it('takes a logical destination of the cluster model for a cluster and members of it', () => {
    const cluster = xapic(3, 0x24, 0x0fffffff);
    expect(isDestination(cluster, 0x26, true)).to.equal(true);
    expect(isDestination(cluster, 0x23, true)).to.equal(false);
    expect(isDestination(cluster, 0x14, true)).to.equal(false);
    expect(isDestination(cluster, 0xf4, true)).to.equal(true);
  });

  it('takes a logical destination in x2APIC mode for a cluster of 16 that the number decides', () => {
    expect([logicalId(3), logicalId(0x25)]).to.deep.equal([0x8, 0x20020]);
    expect(isDestination(x2apic(3), 0xc, true)).to.equal(true);
    expect(isDestination(x2apic(3), 0x7, true)).to.equal(false);
    expect(isDestination(x2apic(3), 0x10008, true)).to.equal(false);
    expect(isDestination(x2apic(0x25), 0x20020, true)).to.equal(true);
    expect(isDestination(x2apic(0x25), BROADCAST, true)).to.equal(true);
  });

  it('knows all from senders of 8 bits', () => {
    expect(wideDestination(0xff, false)).to.equal(BROADCAST);
    expect(wideDestination(0xff, true)).to.equal(0xff);
    expect(wideDestination(7, false)).to.equal(7);
  });
});
