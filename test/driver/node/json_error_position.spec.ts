// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { jsonErrorPosition } from '../../../src/driver/node/json_error_position.js';

describe('jsonErrorPosition', () => {
  const cases: [string, number][] = [
    ['', 0],
    ['  ', 2],
    ['{"a": [1, nonsense]}', 10],
    ['{"a" 1}', 5],
    ['{"a": 1,}', 8],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['[1}', 2],
    ['{a: 1}', 1],
    ['{"a": 01}', 6],
    ['["a\nb"]', 1],
    ['[1, 2', 5],
    ['{"a": tru', 6],
    ['[1] x', 4],
    ['[1], 2', 3],
    ['{5: 1}', 1],
  ];
  for (const [text, position] of cases) {
    it(`is ${position} for ${JSON.stringify(text)}, which JSON.parse refuses`, () => {
      expect(() => JSON.parse(text) as unknown).to.throw(SyntaxError);
      expect(jsonErrorPosition(text)).to.equal(position);
    });
  }

  it('is the end of text that is JSON', () => {
    for (const text of ['{"a": [1, -2.5e3, true, null, {}, [], "x\\u00e9\\n"]}', ' 5 ', '"x"']) {
      JSON.parse(text);
      expect(jsonErrorPosition(text)).to.equal(text.length);
    }
  });
});
