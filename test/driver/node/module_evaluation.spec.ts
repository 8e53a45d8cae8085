// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { ModuleFileError } from '../../../src/driver/driver_errors.js';
import { evaluationOf } from '../../../src/driver/node/module_evaluation.js';

describe('evaluationOf', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })));
  afterEach(() => clock.restore());

  it('is what the module is evaluated to, or what it throws', async () => {
    expect(await evaluationOf('m.ts', Promise.resolve(5))).to.equal(5);
    const error = new Error('thrown');
    expect(await evaluationOf('m.ts', Promise.reject(error)).catch((reason: unknown) => reason)).to.equal(error);
  });

  it('names a module whose top-level await has not come to its end after five seconds', async () => {
    const evaluation = evaluationOf('/x/m.ts', new Promise(() => {})).catch((reason: unknown) => reason);
    clock.tick(5000);
    const error = await evaluation;
    expect(error).to.be.instanceOf(ModuleFileError);
    expect((error as ModuleFileError).file).to.equal('/x/m.ts');
    expect((error as ModuleFileError).message).to.match(/^\/x\/m\.ts: its top-level await has not come to its end/);
  });

  it('leaves neither a timer nor a listener behind', async () => {
    const before = process.listenerCount('beforeExit');
    await evaluationOf('m.ts', Promise.resolve(5));
    expect([process.listenerCount('beforeExit'), clock.countTimers()]).to.deep.equal([before, 0]);
  });
});
