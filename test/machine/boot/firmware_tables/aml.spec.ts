// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import * as aml from '../../../../src/machine/boot/firmware_tables/aml.js';

// The expected bytes are those of iasl 20200925 for the same ASL.
describe('AML', () => {
  it('encodes integers in the shortest form', () => {
    expect([0, 1, 2, 0x100, 0x10000].map((value) => aml.integer(value))).to.deep.equal([
      [0],
      [1],
      [0x0a, 2],
      [0x0b, 0, 1],
      [0x0c, 0, 0, 1, 0],
    ]);
  });

  it('encodes EISA identifiers', () => {
    expect(aml.eisaId('PNP0A03')).to.deep.equal([0x0c, 0x41, 0xd0, 0x0a, 0x03]);
  });

  it('counts a package length with its own bytes', () => {
    const elements = (count: number) => new Array<readonly number[]>(count).fill([0]);
    expect(aml.packageOf(elements(61)).slice(0, 3)).to.deep.equal([0x12, 63, 61]);
    expect(aml.packageOf(elements(62)).slice(0, 4)).to.deep.equal([0x12, 0x41, 0x04, 62]);
    const large = aml.scope('\\_SB', new Array<number>(0x1000).fill(0));
    expect(large.slice(0, 4)).to.deep.equal([0x10, 0x88, 0x00, 0x01]);
    expect(large).to.have.length(0x1009);
  });

  it('encodes devices with names of one and two segments', () => {
    expect(aml.device('A', aml.named('\\_SB.B', aml.integer(1)))).to.deep.equal([
      0x5b, 0x82, 0x11, 0x41, 0x5f, 0x5f, 0x5f, 0x08, 0x5c, 0x2e, 0x5f, 0x53, 0x42, 0x5f, 0x42, 0x5f, 0x5f, 0x5f, 0x01,
    ]);
  });

  it('encodes resources with an end tag', () => {
    const window = aml.memoryWindow({ first: 0xe0000000, last: 0xefffffff });
    expect(window).to.deep.equal([
      0x87, 0x17, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0xff, 0xff, 0xff, 0xef, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ]);
    expect(aml.portWindow({ first: 0xd00, last: 0xffff })).to.deep.equal([
      0x88, 0x0d, 0, 1, 0x0c, 3, 0, 0, 0, 0x0d, 0xff, 0xff, 0, 0, 0, 0xf3,
    ]);
    expect(aml.resources(aml.ports(0xcf8, 8))).to.deep.equal([
      0x11, 13, 0x0a, 10, 0x47, 1, 0xf8, 0x0c, 0xf8, 0x0c, 1, 8, 0x79, 0,
    ]);
  });

  it('encodes what a device occupies itself', () => {
    expect(aml.memoryRange(0xfed00000, 0x400)).to.deep.equal([0x86, 9, 0, 1, 0, 0, 0xd0, 0xfe, 0, 4, 0, 0]);
    expect(aml.interrupt(8)).to.deep.equal([0x22, 0, 1]);
  });
});
