// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { lastWrite } from '../../../src/session/debug/last_write.js';
import { runOf } from '../random_run.js';
import { debuggerOf } from './debugger_of.js';

describe('lastWrite', () => {
  it('goes back to before the write, and leaves the stops as they were', async () => {
    const { debug, pc } = await debuggerOf(runOf(19));
    const stack = Number(pc.core.block.get('RSP')) - 8;
    await debug.resume();
    const word = (): bigint => pc.core.u64[pc.core.physicalOffset(stack) / 8]!;
    const last = word();
    const stops = { breakpoints: [1n], watchpoints: [], exits: [] };
    debug.stops = stops;
    const stop = await lastWrite(debug, BigInt(stack), 8);
    expect(stop).to.include({ kind: 'access', isWrite: true });
    expect(debug.stops).to.equal(stops);
    await debug.goTo(pc.instructions + 1);
    expect(word()).to.equal(last);
    debug.stops = { breakpoints: [], watchpoints: [], exits: [] };
    expect(await lastWrite(debug, 0x70_0000n, 8), 'nothing writes there').to.equal(undefined);
  });
});
