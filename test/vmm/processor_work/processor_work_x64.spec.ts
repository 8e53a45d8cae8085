// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Contribution } from '../../../src/vmm/container/contribution.js';
import { ContributionError } from '../../../src/vmm/errors.js';
import { ProcessorWorkX64 } from '../../../src/vmm/processor_work/processor_work_x64.js';
import { readPartState, writePartState } from '../../../src/vmm/restore/vmm_image.js';
import { make } from '../../support/make.js';

class Worker implements Contribution {
  readonly name = 'worker';
  readonly log: unknown[] = [];

  note(argument: unknown): void {
    this.log.push(argument);
  }
}

/** Three vCPUs, of which the first two are launched; `on` makes one of their processors the executing one. */
function threeVcpus() {
  let executing = 0;
  let interrupts = 0;
  const parts = { processor: { id: () => executing }, processors: { interruptOthers: () => void interrupts++ } };
  const workers = [0, 1, 2].map(() => new Worker());
  const attached = (): ProcessorWorkX64 => {
    const made = make(ProcessorWorkX64, parts);
    workers.forEach((worker, id) => made.attachVcpu(BigInt(id), new Map([[worker.name, worker]])));
    return made;
  };
  const it = attached();
  for (const id of [0n, 1n]) it.start(id);
  const on = (id: number, act: () => void): void => {
    executing = id;
    act();
  };
  return { it, on, workers, attached, logs: () => workers.map(({ log }) => log), interrupts: () => interrupts };
}

describe('ProcessorWorkX64', () => {
  describe('.onEach', () => {
    it('calls the own contribution at once, and that of each other launched vCPU when its processor leaves the guest', () => {
      const { it, on, workers, logs, interrupts } = threeVcpus();
      it.onEach(workers[0]!, 'note', 5n);
      expect(logs()).to.deep.equal([[5n], [], []]);
      expect(interrupts()).to.equal(1);
      for (const id of [2, 1, 1, 0]) on(id, () => it.runPending());
      expect(logs()).to.deep.equal([[5n], [5n], []]);
    });

    it('makes calls that wait in their order, and one that waits already, with an equal argument, once', () => {
      const { it, on, workers, logs } = threeVcpus();
      for (const argument of [{ page: 1 }, { page: 2 }, { page: 1 }]) it.onEach(workers[0]!, 'note', argument);
      on(1, () => it.runPending());
      expect(logs()[1]).to.deep.equal([{ page: 1 }, { page: 2 }]);
      expect(logs()[0]).to.have.length(3);
    });

    it('tells the exit handler whom it calls, before the call, so that a report can name who failed or hangs', () => {
      const { it, on, workers, logs } = threeVcpus();
      it.onEach(workers[0]!, 'note', 5n);
      const told: unknown[] = [];
      on(1, () => it.runPending((name) => told.push([name, logs()[1]!.length])));
      expect(told).to.deep.equal([[workers[1]!.name, 0]]);
    });

    it('copies the argument', () => {
      const { it, on, workers, logs } = threeVcpus();
      const argument = { pages: [1] };
      it.onEach(workers[0]!, 'note', argument);
      argument.pages.push(2);
      on(1, () => it.runPending());
      expect(logs()[1]).to.deep.equal([{ pages: [1] }]);
    });

    it('refuses what is no contribution of the executing vCPU, what has no such method, and an argument that is not data', () => {
      const { it, workers, logs } = threeVcpus();
      const [worker, other] = workers;
      const refused = (act: () => void, why: RegExp): void => void expect(act).to.throw(ContributionError, why);
      refused(
        () => it.onEach(other!, 'note'),
        /'worker' asks for work on each processor, but it is not a contribution/,
      );
      refused(() => it.onEach(worker as never, 'gone' as never), /'worker' asks for work that calls its method gone/);
      refused(() => it.onEach(worker!, 'note', [() => {}]), /calls its method note with a function/);
      refused(() => it.onEach(worker!, 'note', new Worker()), /calls its method note with an instance of Worker/);
      expect(logs()).to.deep.equal([[], [], []]);
    });

    it('leaves out a vCPU that has no such contribution', () => {
      const { it, on, workers } = threeVcpus();
      it.attachVcpu(1n, new Map());
      it.onEach(workers[0]!, 'note', 1);
      on(1, () => it.runPending());
      expect(workers[1]!.log).to.deep.equal([]);
    });
  });

  it('drops what waits for a vCPU that stops, and starts again without it', () => {
    const { it, on, workers } = threeVcpus();
    it.onEach(workers[0]!, 'note', 1);
    it.stop(1n);
    it.onEach(workers[0]!, 'note', 2);
    it.start(1n);
    it.onEach(workers[0]!, 'note', 3);
    on(1, () => it.runPending());
    expect(workers[1]!.log).to.deep.equal([3]);
  });

  it('lets work ask for more, which waits for the other processors', () => {
    const { it, on, workers, logs } = threeVcpus();
    let left = 2;
    workers[1]!.note = (argument) => {
      workers[1]!.log.push(argument);
      if (left-- > 0) it.onEach(workers[1]!, 'note', argument);
    };
    it.onEach(workers[0]!, 'note', 'x');
    on(1, () => it.runPending());
    on(0, () => it.runPending());
    expect(logs()).to.deep.equal([['x', 'x'], ['x', 'x', 'x'], []]);
  });

  it('keeps what waits as data, which a new instance takes over', () => {
    const { it, on, workers, attached } = threeVcpus();
    it.onEach(workers[0]!, 'note', new Map([[1n, 'one']]));
    const state = structuredClone(readPartState(it, 'ProcessorWork'));
    const restored = attached();
    writePartState(restored, state, 'ProcessorWork', () => undefined);
    on(1, () => restored.runPending());
    expect(workers[1]!.log).to.deep.equal([new Map([[1n, 'one']])]);
  });
});
