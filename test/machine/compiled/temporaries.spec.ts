// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PARAMETERS, temporaries, temporaryTypes } from '../../../src/machine/compiled/temporaries.js';
import { ValueType } from '../../../src/machine/wasm_format.js';

describe('temporaries', () => {
  const { I32, I64 } = ValueType;

  it('have the types that are asked for, and are never two of one piece of code', () => {
    const found = temporaries([I64, I32, I64], 'instruction');
    expect(new Set(found).size).to.equal(3);
    expect(found.map((local) => temporaryTypes[local - PARAMETERS])).to.deep.equal([I64, I32, I64]);
  });

  it('are the same each time, and others for flag setters', () => {
    const found = temporaries([I64], 'instruction');
    expect(temporaries([I64], 'instruction')).to.deep.equal(found);
    expect(temporaries([I64], 'flags')).not.to.deep.equal(found);
  });

  it('are not enough for everything', () => {
    expect(() => temporaries(Array<number>(50).fill(I64), 'flags')).to.throw(RangeError, "'flags'");
  });
});
