// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DriverFault } from '../../../../src/machine/devices/virtio/driver_fault.js';
import { SegmentStream } from '../../../../src/machine/devices/virtio/segment_stream.js';

describe('SegmentStream', () => {
  const segments = [
    { address: 4, bytes: 2 },
    { address: 10, bytes: 3 },
  ];

  it('reads its pieces as one stream', () => {
    const ram = Uint8Array.from({ length: 16 }, (_, i) => i);
    const stream = new SegmentStream(ram, segments);
    expect([...stream.read(1), stream.left, ...stream.read(3), stream.left]).to.deep.equal([4, 4, 5, 10, 11, 1]);
    expect(() => stream.read(2)).to.throw(DriverFault, 'after 1 of 2 bytes');
  });

  it('writes its pieces as one stream, and skips what it is told to', () => {
    const ram = new Uint8Array(16);
    const stream = new SegmentStream(ram, segments);
    stream.write(Uint8Array.of(1, 2, 3));
    stream.skip(1);
    stream.write(Uint8Array.of(4));
    expect([...ram]).to.deep.equal([0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0]);
    expect([stream.written, stream.left]).to.deep.equal([4, 0]);
    expect(() => stream.write(Uint8Array.of(1))).to.throw(DriverFault, 'after 0 of 1 bytes');
  });
});
