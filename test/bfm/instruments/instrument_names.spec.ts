// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InstrumentNames } from '../../../src/bfm/instruments/instrument_names.js';

const kernel = 0xffffffff81000010n;

describe('InstrumentNames', () => {
  const why = 'no kernel has set IA32_LSTAR';
  const nothing = { whileStill: () => () => undefined, hasKernel: true, whyNone: () => why };

  it('has the names of the guest as places and as texts', () => {
    const names = new InstrumentNames(
      { whileStill: () => () => ({ name: 'main', offset: 4n }), hasKernel: true, whyNone: () => undefined },
      ['own'],
    );
    expect(names.find(kernel)).to.deep.equal({ name: 'main', offset: 4n });
    expect(names.textOf(kernel)).to.equal('main+0x4');
    expect(names.missing).to.deep.equal([]);
  });

  it("says why the kernel's names are missing once one was asked for", () => {
    const names = new InstrumentNames(nothing, []);
    names.find(0x401000n);
    expect(names.missing, 'code of a process').to.deep.equal([]);
    expect(names.textOf(kernel)).to.equal(undefined);
    expect(names.missing).to.deep.equal([`no names of the guest's kernel: ${why}`]);
  });

  it('says nothing before a kernel has begun', () => {
    const names = new InstrumentNames({ ...nothing, hasKernel: false }, []);
    names.find(kernel);
    expect(names.missing).to.deep.equal([]);
  });

  it('says nothing of an address that has no name in a kernel whose names are known', () => {
    const names = new InstrumentNames(
      { whileStill: () => () => undefined, hasKernel: true, whyNone: () => undefined },
      [],
    );
    names.find(kernel);
    expect(names.missing).to.deep.equal([]);
  });
});
