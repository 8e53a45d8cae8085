// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { Watchdog } from '../../../src/bfm/worker/watchdog.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';

describe('Watchdog', () => {
  let clock: sinon.SinonFakeTimers;
  let control: RunControl;
  let worker: RunControl;
  let hangs: string[];
  let watchdog: Watchdog;

  /** The worker takes a VM exit into a handler. */
  const exit = (handler = 1): void => {
    worker.counters.exits[ExitReason.Cpuid]!++;
    worker.exitWord[0] = ExitReason.Cpuid + 1;
    worker.handlerWord[0] = handler;
  };
  const handlerReturns = (): void => {
    worker.exitWord[0] = 0;
    worker.handlerWord[0] = 0;
  };

  beforeEach(() => {
    clock = sinon.useFakeTimers();
    control = new RunControl();
    worker = new RunControl(control.memory);
    hangs = [];
    watchdog = new Watchdog(control, { handlers: () => ['slow'], onHang: (what) => void hangs.push(what) });
  });
  afterEach(() => {
    watchdog.stop();
    clock.restore();
  });

  it('says nothing of any number of slow handlers that each return, though no quantum ends', () => {
    watchdog.running();
    for (let exits = 0; exits < 100; exits++) {
      exit();
      clock.tick(1900);
      handlerReturns();
    }
    expect(hangs).to.deep.equal([]);
  });

  it('says nothing of handlers that return between two looks', () => {
    watchdog.running();
    for (let exits = 0; exits < 1000; exits++) {
      exit();
      clock.tick(100);
    }
    expect(hangs).to.deep.equal([]);
  });

  it('names the handler that has not returned for two seconds, once', () => {
    exit();
    clock.tick(2000);
    expect(hangs).to.deep.equal([]);
    clock.tick(10_000);
    expect(hangs).to.deep.equal(['extension slow did not return from exit 10 (cpuid)']);
  });

  it('watches handlers before the guest runs and between requests too', () => {
    watchdog.calling('the start of the VMM');
    exit(0);
    clock.tick(2200);
    expect(hangs).to.deep.equal(['the VMM did not return from exit 10 (cpuid)']);
  });

  it('gives a call outside of exits ten seconds', () => {
    watchdog.calling('the loading of the modules');
    clock.tick(9900);
    watchdog.calling('the start of the VMM');
    clock.tick(9900);
    expect(hangs).to.deep.equal([]);
    clock.tick(300);
    expect(hangs).to.deep.equal(['the start of the VMM did not come to its end']);
  });

  it('watches nothing after a call has returned', () => {
    watchdog.calling('the loading of the modules');
    clock.tick(5000);
    watchdog.calling(undefined);
    clock.tick(100_000);
    expect(hangs).to.deep.equal([]);
  });

  it('asks whether a debugger holds the worker before it tells of a hang, and waits as long as it does', async () => {
    const answers: ((isHeld: boolean) => void)[] = [];
    const isHeld = (): Promise<boolean> => new Promise((resolve) => answers.push(resolve));
    const answer = async (held: boolean): Promise<void> => {
      answers.shift()!(held);
      await clock.tickAsync(0);
    };
    watchdog.stop();
    watchdog = new Watchdog(control, { handlers: () => [], onHang: (what) => void hangs.push(what), isHeld });
    exit();
    clock.tick(60_000);
    expect(answers, 'it asks once').to.have.length(1);
    await answer(true);
    clock.tick(1900);
    expect(answers, 'the time begins again').to.have.length(0);
    clock.tick(300);
    exit();
    await answer(false);
    expect(hangs, 'the handler has returned meanwhile').to.deep.equal([]);
    clock.tick(2300);
    await answer(false);
    expect(hangs).to.have.length(1);
  });

  it('wants quanta to end while the guest runs', () => {
    watchdog.running();
    for (let quanta = 0; quanta < 10; quanta++) {
      clock.tick(19_000);
      worker.beat();
    }
    expect(hangs).to.deep.equal([]);
    clock.tick(21_000);
    expect(hangs).to.deep.equal(['no quantum ended']);
  });
});
