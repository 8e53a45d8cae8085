// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitHistory } from '../../../src/machine/processor/exit_history.js';
import { ExitLog } from '../../../src/machine/processor/exit_log.js';

const fields = new Int32Array(1024);

/** A history after so many exits, and the log of them. */
function exits(count: number, capacity: number): ExitLog {
  const history = new ExitHistory();
  const log = new ExitLog(capacity);
  for (let number = 0; number < count; number++) {
    history.begin(fields, Uint32Array.of(number, 1), 0);
    history.end(number + 100);
    log.add(history);
  }
  return log;
}

describe('ExitLog', () => {
  it('keeps more exits than a history remembers', () => {
    const log = exits(200, 1000);
    expect([log.first, log.total]).to.deep.equal([0, 200]);
    expect(log.exit(0)).to.include({ instructions: 2 ** 32, outcome: 100 });
    expect(log.exit(199)).to.include({ instructions: 2 ** 32 + 199, outcome: 299 });
  });

  it('keeps the newest ones', () => {
    const log = exits(200, 50);
    expect([log.first, log.total]).to.deep.equal([150, 200]);
    expect([log.exit(150).outcome, log.exit(199).outcome]).to.deep.equal([250, 299]);
  });
});
