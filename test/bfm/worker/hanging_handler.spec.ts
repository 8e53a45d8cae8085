// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { hangingHandler } from '../../../src/bfm/worker/hanging_handler.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';

describe('hangingHandler', () => {
  it('names handler and exit, and is undefined while no exit is handled', () => {
    const control = new RunControl();
    expect(hangingHandler(control, ['count'])).to.equal(undefined);
    control.exitWord[0] = 11;
    expect(hangingHandler(control, ['count'])).to.match(/^the VMM did not return from exit 10 \(cpuid\)$/);
    control.handlerWord[0] = 1;
    expect(hangingHandler(control, ['count'])).to.match(/^extension count did not return from exit 10/);
    control.handlerWord[0] = 2;
    expect(hangingHandler(control, ['count'])).to.match(/^extension number 2/);
    expect(hangingHandler(control, ['count', 'ExitHandlerIntelX64']), 'which is no extension').to.match(
      /^the base exit handler did not return from exit 10/,
    );
  });
});
