// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ticksAt, timeOfTick } from '../../../src/machine/devices/frequency.js';

describe('ticksAt and timeOfTick', () => {
  for (const hz of [1193182, 32768, 3579545]) {
    it(`are inverse at ${hz} Hz, hours after power-on too`, () => {
      for (const tick of [0, 1, 2, 1000, hz - 1, hz, hz + 1, 123456789012]) {
        const time = timeOfTick(tick, hz);
        expect(ticksAt(time, hz), `tick ${tick}`).to.equal(tick);
        if (time > 0) expect(ticksAt(time - 1, hz), `just before tick ${tick}`).to.equal(tick - 1);
      }
    });
  }
});
