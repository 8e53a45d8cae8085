// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msix, MsixControl, PENDING_BITS } from '../../../../src/machine/devices/pci/msix.js';

describe('Msix', () => {
  function make(): { msix: Msix; sent: string[] } {
    const sent: string[] = [];
    const msix = new Msix(2, (address, data) => void sent.push(`${address.toString(16)}:${data.toString(16)}`));
    return { msix, sent };
  }

  /** Writes the entry of a vector. */
  function enter(msix: Msix, vector: number, ...words: readonly number[]): void {
    words.forEach((word, i) => msix.writeMmio(16 * vector + 4 * i, 4, word));
  }

  it('sends the message of a vector', () => {
    const { msix, sent } = make();
    msix.setControl(MsixControl.Enable);
    enter(msix, 1, 0xfee00000, 0, 0x51, 0);
    msix.signal(1);
    expect(sent).to.deep.equal(['fee00000:51']);
  });

  it('sends nothing while it is off, and for a vector that it does not have', () => {
    const { msix, sent } = make();
    enter(msix, 0, 0xfee00000, 0, 0x50, 0);
    msix.signal(0);
    msix.setControl(MsixControl.Enable);
    msix.signal(2);
    msix.signal(0xffff);
    expect([sent, msix.readMmio(PENDING_BITS, 4)]).to.deep.equal([[], 0]);
  });

  it('masks each entry after a reset; a masked interrupt is pending until its mask is cleared', () => {
    const { msix, sent } = make();
    expect([msix.readMmio(12, 4), msix.readMmio(28, 4)]).to.deep.equal([1, 1]);
    msix.setControl(MsixControl.Enable);
    enter(msix, 0, 0xfee00000, 0, 0x50);
    msix.signal(0);
    msix.signal(0);
    expect([sent.length, msix.readMmio(PENDING_BITS, 4)]).to.deep.equal([0, 1]);
    msix.writeMmio(12, 4, 0);
    expect([sent, msix.readMmio(PENDING_BITS, 4)]).to.deep.equal([['fee00000:50'], 0]);
  });

  it('holds all interrupts back while the function is masked', () => {
    const { msix, sent } = make();
    enter(msix, 0, 0xfee00000, 0, 0x50, 0);
    enter(msix, 1, 0xfee00000, 0, 0x51, 0);
    msix.setControl(MsixControl.Enable | MsixControl.FunctionMask);
    msix.signal(1);
    msix.signal(0);
    expect(sent).to.deep.equal([]);
    msix.setControl(MsixControl.Enable);
    expect(sent).to.deep.equal(['fee00000:50', 'fee00000:51']);
  });

  it('drops messages to addresses above 4 GiB, and writes of less than a word', () => {
    const { msix, sent } = make();
    msix.setControl(MsixControl.Enable);
    enter(msix, 0, 0xfee00000, 1, 0x50, 0);
    msix.writeMmio(8, 2, 0x99);
    msix.signal(0);
    expect([sent, msix.readMmio(8, 4), msix.readMmio(8, 1)]).to.deep.equal([[], 0x50, 0x50]);
  });

  it('comes back from its saved state', () => {
    const { msix } = make();
    msix.setControl(MsixControl.Enable);
    enter(msix, 1, 0xfee00000, 0, 0x51, 1);
    msix.signal(1);
    const other = make();
    other.msix.restore(msix.save(), MsixControl.Enable);
    expect(other.msix.save()).to.deep.equal(msix.save());
    other.msix.writeMmio(28, 4, 0);
    expect(other.sent).to.deep.equal(['fee00000:51']);
  });
});
