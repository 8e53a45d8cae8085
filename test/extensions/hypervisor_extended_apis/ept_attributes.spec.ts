// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsError } from 'bareflank';
import { decodeEptAttribute, EptAttribute } from '../../../extensions/hypervisor_extended_apis/ept_attributes.js';

describe('EptAttribute', () => {
  it('has the 30 attributes of extended_apis 1.1 by its names and numbers', () => {
    const types = [
      ['Uc', 0],
      ['Wc', 1],
      ['Wt', 4],
      ['Wp', 5],
      ['Wb', 6],
    ] as const;
    const expected = ['rw', 're', 'ro', 'eo', 'pt', 'tp'].flatMap((access, at) =>
      types.map(([type, number]) => [`${access}${type}`, 0x100 * (at + 1) + number]),
    );
    expect(EptAttribute).to.deep.equal(Object.fromEntries(expected));
  });

  it('says what each permits', () => {
    const accesses = (['rwUc', 'reWc', 'roWt', 'eoWp', 'ptWb', 'tpUc'] as const).map((name) =>
      decodeEptAttribute(EptAttribute[name]),
    );
    expect(accesses).to.deep.equal([
      { access: 3, memoryType: 0 },
      { access: 5, memoryType: 1 },
      { access: 1, memoryType: 4 },
      { access: 4, memoryType: 5 },
      { access: 7, memoryType: 6 },
      { access: 0, memoryType: 0 },
    ]);
  });

  it('refuses what has no meaning', () => {
    for (const attribute of [0, 6, 0x102, 0x107, 0x700, 0x1100, -1, 256.5]) {
      expect(() => decodeEptAttribute(attribute), String(attribute)).to.throw(
        VmcsError,
        /unsupported memory attribute/,
      );
    }
  });
});
