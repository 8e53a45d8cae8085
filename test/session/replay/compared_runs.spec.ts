// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { RecordedItem } from '../../../src/session/recorded_item.js';
import { inputsOnly } from '../../../src/session/replay/compared_runs.js';

const at = { turn: 1, instructions: 2, virtualTime: 3 };
const typed: RecordedItem = { kind: 'event', at, event: { kind: 'typed', bytes: [1] } };
const state: RecordedItem = { kind: 'state', at, brief: '0' };
const end: RecordedItem = { kind: 'end', at, outcome: 'timeout', instructions: 2, virtualTime: 3, hash: '0' };

// test/bfm/replay/compare_run.spec.ts has runs.
describe('inputsOnly', () => {
  it('leaves out the states of the recorded run, and the moment of its end', () => {
    expect(inputsOnly([typed, state, typed, end])).to.deep.equal([typed, typed, { ...end, at: undefined }]);
    expect(inputsOnly([])).to.deep.equal([]);
  });
});
