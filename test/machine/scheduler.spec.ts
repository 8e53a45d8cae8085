// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { EventQueue } from '../../src/machine/devices/event_queue.js';
import { StopReason } from '../../src/machine/layout/stop_reason.js';
import {
  PAUSE_NANOSECONDS,
  QUANTUM_INSTRUCTIONS,
  Scheduler,
  SHARED_QUANTUM_INSTRUCTIONS,
} from '../../src/machine/scheduler.js';
import type { ScheduledProcessor, SchedulerState } from '../../src/machine/scheduler.js';

/** Only counts and executes nothing: it uses its whole quantum, or stops as the test asks. */
class FakeProcessor implements ScheduledProcessor {
  instructionCount = 0;
  slept = 0;
  death: string | undefined;
  isHaltedForGood = false;
  wakesIn = Infinity;
  stops = 0;
  /** What happens in each run, given the budget; the default uses it up. */
  script: ((budget: number) => StopReason)[] = [];
  readonly budgets: number[] = [];

  run(budget: number): StopReason {
    this.budgets.push(budget);
    const step = this.script.shift();
    if (step !== undefined) return step(budget);
    this.instructionCount += budget;
    return StopReason.Quantum;
  }

  requestStop(): void {
    this.stops++;
  }

  skipTime(nanoseconds: number): void {
    this.slept += nanoseconds;
  }
}

describe('Scheduler', () => {
  function make(count = 1): { scheduler: Scheduler; processors: FakeProcessor[]; events: EventQueue } {
    const scheduler = new Scheduler();
    const processors = Array.from({ length: count }, () => new FakeProcessor());
    processors.forEach((processor) => scheduler.add(processor));
    const events = new EventQueue(scheduler, (deadline) => scheduler.deadlineSet(deadline));
    scheduler.attach(events);
    return { scheduler, processors, events };
  }
  const always = (): boolean => true;
  const halt = (): StopReason => StopReason.Idle;

  it('ends a quantum at the next event and fires it at its time', () => {
    const { scheduler, processors, events } = make();
    const fired: number[] = [];
    events.timer('t', () => fired.push(scheduler.now())).arm(1234);
    scheduler.runQuantum(always);
    scheduler.runQuantum(always);
    expect(processors[0]!.budgets).to.deep.equal([1234, QUANTUM_INSTRUCTIONS]);
    expect(fired).to.deep.equal([1234]);
  });

  it('has reached, between two turns, the time of the processor that is furthest behind', () => {
    const { scheduler, processors } = make(2);
    scheduler.runQuantum(always);
    expect(scheduler.now(), 'processor 1 did not run yet').to.equal(0);
    scheduler.runQuantum(always);
    expect(scheduler.now()).to.equal(SHARED_QUANTUM_INSTRUCTIONS);
    for (const processor of processors)
      processor.script.push(() => {
        processor.instructionCount += 7;
        return StopReason.Idle;
      });
    scheduler.runQuantum(always);
    scheduler.runQuantum(always);
    expect(scheduler.now(), 'both sleep').to.equal(SHARED_QUANTUM_INSTRUCTIONS + 7);
  });

  it('names the processor that halted, not one that was never started', () => {
    const { scheduler, processors } = make(3);
    for (const processor of processors) {
      processor.isHaltedForGood = true;
      processor.script.push(halt);
    }
    processors[0]!.script[0] = () => {
      processors[0]!.instructionCount += 2;
      return StopReason.Idle;
    };
    const ends = [1, 2, 3].map(() => scheduler.runQuantum(always));
    expect(ends).to.deep.equal([
      undefined,
      undefined,
      { processor: 0, reason: 'halted with interrupts off: nothing can wake it', isHalted: true },
    ]);
  });

  it('stops a running quantum when a device sets an earlier deadline', () => {
    const { scheduler, processors, events } = make();
    const timer = events.timer('t', () => {});
    processors[0]!.script.push(() => {
      processors[0]!.instructionCount += 10;
      timer.arm(scheduler.now() + 5);
      return StopReason.Requested;
    });
    scheduler.runQuantum(always);
    expect(processors[0]!.stops).to.equal(1);
    scheduler.runQuantum(always);
    expect(processors[0]!.budgets[1]).to.equal(5);
  });

  it('runs a sleeping processor at once that goes on by itself, such as after a write that MWAIT waits for', () => {
    const { scheduler, processors, events } = make();
    events.timer('t', () => {}).arm(1e9);
    processors[0]!.script.push(halt);
    scheduler.runQuantum(always);
    processors[0]!.wakesIn = 0;
    scheduler.runQuantum(always);
    expect(processors[0]!.budgets.length).to.equal(2);
    expect(processors[0]!.slept).to.equal(0);
  });

  it('jumps over idle time to the next event', () => {
    const { scheduler, processors, events } = make();
    const timer = events.timer('t', () => scheduler.wake(0));
    timer.arm(1e9);
    processors[0]!.script.push(halt);
    scheduler.runQuantum(always);
    scheduler.runQuantum(always);
    expect(scheduler.now()).to.equal(1e9);
    expect(processors[0]!.slept).to.equal(1e9);
    scheduler.runQuantum(always);
    expect(processors[0]!.instructionCount).to.equal(QUANTUM_INSTRUCTIONS);
  });

  it('does not jump while the owner forbids it, and says how far it would jump', () => {
    const { scheduler, processors, events } = make();
    events.timer('t', () => {}).arm(5000);
    processors[0]!.script.push(halt);
    scheduler.runQuantum(always);
    const asked: number[] = [];
    scheduler.runQuantum((nanoseconds) => {
      asked.push(nanoseconds);
      return false;
    });
    expect(asked).to.deep.equal([5000]);
    expect(scheduler.now()).to.equal(0);
  });

  it('says so when nothing can ever run again', () => {
    const { scheduler, processors } = make();
    processors[0]!.script.push(halt);
    scheduler.runQuantum(always);
    expect(scheduler.runQuantum(always)?.reason).to.match(/no device will ever interrupt/);
    const other = make();
    other.processors[0]!.isHaltedForGood = true;
    other.processors[0]!.script.push(halt);
    expect(other.scheduler.runQuantum(always)?.reason).to.match(/halted with interrupts off/);
  });

  it("jumps to a processor's own clock, which also wakes one that no interrupt can", () => {
    const { scheduler, processors } = make();
    processors[0]!.isHaltedForGood = true;
    processors[0]!.wakesIn = 700;
    processors[0]!.script.push(halt);
    expect(scheduler.runQuantum(always)).to.equal(undefined);
    expect(scheduler.runQuantum(always)).to.equal(undefined);
    expect(processors[0]!.slept).to.equal(700);
  });

  it('reports a triple fault and what software says of its end', () => {
    const { scheduler, processors } = make();
    processors[0]!.script.push(() => StopReason.Shutdown);
    expect(scheduler.runQuantum(always)).to.deep.equal({
      processor: 0,
      reason: 'triple fault: the processor shut down',
    });
    processors[0]!.death = 'the VMM gave up';
    expect(scheduler.runQuantum(always)?.reason).to.equal('the VMM gave up');
  });

  it('goes on with the processor that is furthest behind', () => {
    const { scheduler, processors } = make(2);
    for (let i = 0; i < 6; i++) scheduler.runQuantum(always);
    expect(processors.map((processor) => processor.instructionCount)).to.deep.equal([
      3 * SHARED_QUANTUM_INSTRUCTIONS,
      3 * SHARED_QUANTUM_INSTRUCTIONS,
    ]);
  });

  it('lets a sleeping processor sleep while the others run, and wakes it at the time of what wakes it', () => {
    const { scheduler, processors, events } = make(2);
    events.timer('t', () => scheduler.wake(0)).arm(25_000);
    processors[0]!.script.push(halt);
    for (let i = 0; i < 4; i++) scheduler.runQuantum(always);
    expect(processors[0]!.budgets).to.have.length(1);
    expect(processors[1]!.instructionCount).to.equal(25_000);
    expect(processors[0]!.slept).to.equal(0);
    scheduler.runQuantum(always);
    expect(processors[0]!.slept).to.equal(25_000);
    expect(processors[0]!.budgets).to.have.length(2);
  });

  it('goes on with the same processor to the end of its turn when the host has cut it', () => {
    const { scheduler, processors } = make(2);
    processors[0]!.script.push(() => {
      processors[0]!.instructionCount += 10;
      return StopReason.Requested;
    });
    scheduler.runQuantum(always);
    const planned = scheduler.save();
    scheduler.runQuantum(always);
    expect(processors.map(({ budgets }) => budgets)).to.deep.equal([
      [SHARED_QUANTUM_INSTRUCTIONS, SHARED_QUANTUM_INSTRUCTIONS - 10],
      [],
    ]);
    expect(planned).to.deep.include({ plan: [0, SHARED_QUANTUM_INSTRUCTIONS] });
    scheduler.runQuantum(always);
    expect(processors[1]!.budgets).to.have.length(1);
  });

  it('numbers turns, idle times and jumps, however often the host cuts and asks', () => {
    const { scheduler, processors, events } = make();
    events.timer('t', () => {}).arm(5000);
    processors[0]!.script.push((budget) => {
      processors[0]!.instructionCount += budget;
      return StopReason.Requested;
    }, halt);
    const seen = (): unknown => [scheduler.turn, scheduler.processorInTurn, scheduler.isIdle];
    expect(seen()).to.deep.equal([0, undefined, false]);
    scheduler.runQuantum(always, 1000);
    expect(processors[0]!.budgets, 'the host cuts').to.deep.equal([1000]);
    expect(seen()).to.deep.equal([1, 0, false]);
    scheduler.runQuantum(always);
    expect(seen(), 'the turn has ended').to.deep.equal([1, undefined, false]);
    for (let ask = 0; ask < 3; ask++) scheduler.runQuantum(() => false);
    expect(seen(), 'an idle time').to.deep.equal([2, undefined, true]);
    scheduler.runQuantum(always);
    expect(seen(), 'a jump').to.deep.equal([3, undefined, false]);
    expect(scheduler.now()).to.equal(5000);
  });

  it('lets a part of an idle time pass, up to the next event', () => {
    const { scheduler, processors, events } = make();
    const fired: number[] = [];
    events.timer('t', () => fired.push(scheduler.now())).arm(5000);
    expect(() => scheduler.passIdleTime(1)).to.throw('only while all processors sleep');
    processors[0]!.script.push(halt);
    scheduler.runQuantum(() => false);
    scheduler.runQuantum(() => false);
    scheduler.passIdleTime(1200);
    expect(scheduler.now()).to.equal(1200);
    scheduler.wake(0);
    expect(processors[0]!.slept, 'the clock of a processor that wakes').to.equal(1200);
    processors[0]!.script.push(halt);
    scheduler.runQuantum(() => false);
    scheduler.runQuantum(() => false);
    scheduler.passIdleTime(1e9);
    expect([scheduler.now(), fired]).to.deep.equal([5000, []]);
    scheduler.runQuantum(always);
    expect(fired).to.deep.equal([5000]);
  });

  it('begins another idle time when a timer fires in one and wakes nobody', () => {
    const { scheduler, processors, events } = make();
    const fired: number[] = [];
    events.timer('t', () => fired.push(scheduler.turn)).arm(5000);
    processors[0]!.script.push(halt);
    scheduler.runQuantum(() => false);
    scheduler.runQuantum(() => false);
    const before = scheduler.turn;
    scheduler.passIdleTime(1e9);
    expect([scheduler.now(), scheduler.turn], 'the timer is due and has not fired').to.deep.equal([5000, before]);
    for (let ask = 0; ask < 3; ask++) scheduler.runQuantum(() => false);
    expect([fired, scheduler.turn, scheduler.isIdle]).to.deep.equal([[before], before + 1, true]);
  });

  it('goes on as the one whose state it takes: clocks, who sleeps, who waits at PAUSE, and the planned turn', () => {
    const [first, second] = [make(3), make(3)];
    const cut = (processor: FakeProcessor, count: number, reason: StopReason): void => {
      processor.script.push(() => {
        processor.instructionCount += count;
        return reason;
      });
    };
    cut(first.processors[0]!, 70, StopReason.Idle);
    cut(first.processors[1]!, 40, StopReason.Pause);
    cut(first.processors[2]!, 10, StopReason.Requested);
    for (let i = 0; i < 3; i++) first.scheduler.runQuantum(always);
    const saved = JSON.parse(JSON.stringify(first.scheduler.save())) as SchedulerState;
    expect(saved).to.deep.include({ plan: [2, SHARED_QUANTUM_INSTRUCTIONS], idle: [true, false, false] });
    expect(saved.pauses).to.deep.equal([false, true, false]);
    first.processors.forEach(({ instructionCount }, i) => (second.processors[i]!.instructionCount = instructionCount));
    second.scheduler.restore(saved);
    expect(second.scheduler.save()).to.deep.equal(saved);
    for (let i = 0; i < 6; i++) {
      first.scheduler.runQuantum(always);
      second.scheduler.runQuantum(always);
      expect(second.scheduler.save()).to.deep.equal(first.scheduler.save());
      expect(second.scheduler.now()).to.equal(first.scheduler.now());
    }
  });

  describe('.runNext', () => {
    const cutAt = (processor: FakeProcessor, count: number, reason = StopReason.Requested): void => {
      processor.script.push(() => {
        processor.instructionCount += count;
        return reason;
      });
    };
    const timesOf = (processors: readonly FakeProcessor[]): number[] =>
      processors.map(({ instructionCount, slept }) => instructionCount + slept);

    it('ends the turn that has begun and begins one of the named processor; the one that was passed over stays behind and is next after it', () => {
      const { scheduler, processors } = make(3);
      cutAt(processors[0]!, 10);
      scheduler.runQuantum(always);
      expect([scheduler.turn, scheduler.processorNext, scheduler.awake]).to.deep.equal([1, 0, [0, 1, 2]]);
      scheduler.runNext(2);
      expect([scheduler.turn, scheduler.processorInTurn, scheduler.processorNext]).to.deep.equal([2, 2, 2]);
      scheduler.runQuantum(always);
      expect(timesOf(processors), 'nobody’s clock was moved').to.deep.equal([10, 0, SHARED_QUANTUM_INSTRUCTIONS]);
      const order = [1, 2].map(() => {
        const next = scheduler.processorNext;
        scheduler.runQuantum(always);
        return next;
      });
      expect(order).to.deep.equal([1, 0]);
    });

    it('lets a processor that is ahead go on, before an event for which those that are behind have to come first', () => {
      const { scheduler, processors, events } = make(2);
      const fired: number[] = [];
      scheduler.runQuantum(always);
      cutAt(processors[1]!, 10);
      scheduler.runQuantum(always);
      events.timer('t', () => fired.push(processors[1]!.instructionCount)).arm(500);
      scheduler.runNext(0);
      scheduler.runQuantum(always);
      expect(timesOf(processors)).to.deep.equal([2 * SHARED_QUANTUM_INSTRUCTIONS, 10]);
      expect(fired, 'at 500, which the other one has not reached').to.deep.equal([]);
      scheduler.runQuantum(always);
      expect(timesOf(processors)[1]).to.equal(500);
      scheduler.runQuantum(always);
      expect(fired).to.deep.equal([500]);
    });

    it('ends its turn at the next event', () => {
      const { scheduler, processors, events } = make(2);
      events.timer('t', () => {}).arm(300);
      scheduler.runNext(1);
      scheduler.runQuantum(always);
      expect(processors[1]!.budgets).to.deep.equal([300]);
    });

    it('refuses a processor that sleeps or is not there, and changes nothing', () => {
      const { scheduler, processors } = make(2);
      processors[0]!.script.push(halt);
      scheduler.runQuantum(always);
      const before = scheduler.save();
      for (const processor of [0, 2, -1])
        expect(() => scheduler.runNext(processor)).to.throw(
          RangeError,
          `processor ${processor} sleeps or is not there`,
        );
      expect(scheduler.save()).to.deep.equal(before);
      expect(scheduler.awake).to.deep.equal([1]);
    });

    it('ends the turn that a processor waits at a PAUSE for', () => {
      const { scheduler, processors } = make(2);
      scheduler.runQuantum(always);
      cutAt(processors[1]!, 10, StopReason.Pause);
      scheduler.runQuantum(always);
      expect(scheduler.save().pauses).to.deep.equal([false, true]);
      scheduler.runNext(1);
      expect(scheduler.save()).to.deep.include({ pauses: [false, false] });
    });
  });

  it('tells who runs before each turn', () => {
    const scheduler = new Scheduler();
    const [first, second] = [new FakeProcessor(), new FakeProcessor()];
    scheduler.add(first);
    scheduler.add(second);
    const selected: number[] = [];
    scheduler.attach(new EventQueue(scheduler), (processor) => selected.push(processor));
    for (let i = 0; i < 4; i++) scheduler.runQuantum(always);
    expect(selected).to.deep.equal([0, 1, 0, 1]);
  });

  describe('at PAUSE', () => {
    const pauses = (processor: FakeProcessor, after: number): void => {
      processor.script.push(() => {
        processor.instructionCount += after;
        return StopReason.Pause;
      });
    };

    it('moves the clock on to that of the next processor that computes, whose turn it then is', () => {
      const { scheduler, processors } = make(2);
      scheduler.runQuantum(always);
      pauses(processors[1]!, 10);
      scheduler.runQuantum(always);
      expect(processors[1]!.slept).to.equal(SHARED_QUANTUM_INSTRUCTIONS - 10);
      scheduler.runQuantum(always);
      expect(processors.map(({ budgets }) => budgets.length)).to.deep.equal([2, 1]);
    });

    it('of the lower number goes one further, since it comes first of two at the same time', () => {
      const { scheduler, processors } = make(2);
      pauses(processors[0]!, 10);
      scheduler.runQuantum(always);
      expect(processors[0]!.slept, 'the other one is behind').to.equal(PAUSE_NANOSECONDS);
      scheduler.runQuantum(always);
      pauses(processors[0]!, 10);
      scheduler.runQuantum(always);
      expect(processors[0]!.instructionCount + processors[0]!.slept).to.equal(SHARED_QUANTUM_INSTRUCTIONS + 1);
    });

    it('passes over others that wait at a PAUSE too', () => {
      const { scheduler, processors } = make(3);
      scheduler.runQuantum(always);
      pauses(processors[1]!, 10);
      pauses(processors[2]!, 10);
      scheduler.runQuantum(always);
      scheduler.runQuantum(always);
      // The third one waits at its PAUSE, and the first one computes.
      pauses(processors[1]!, 10);
      scheduler.runQuantum(always);
      const times = processors.map(({ instructionCount, slept }) => instructionCount + slept);
      expect(times).to.deep.equal([0, 0, 0].map(() => SHARED_QUANTUM_INSTRUCTIONS));
      scheduler.runQuantum(always);
      expect(processors.map(({ budgets }) => budgets.length)).to.deep.equal([2, 2, 1]);
    });

    it('goes no further than the next event', () => {
      const { scheduler, processors, events } = make(2);
      scheduler.runQuantum(always);
      pauses(processors[1]!, 10);
      events.timer('t', () => {}).arm(300);
      scheduler.runQuantum(always);
      expect(processors[1]!.slept).to.equal(290);
    });

    it('takes its time while no other computes', () => {
      const { scheduler, processors } = make(2);
      processors[0]!.script.push(halt);
      scheduler.runQuantum(always);
      pauses(processors[1]!, 10);
      scheduler.runQuantum(always);
      expect(processors[1]!.slept).to.equal(PAUSE_NANOSECONDS);
    });
  });

  it('wakes a processor whose wait a write of another one has ended, at the end of that turn', () => {
    const { scheduler, processors } = make(2);
    processors[0]!.script.push(halt);
    scheduler.runQuantum(always);
    processors[1]!.script.push(() => {
      processors[1]!.instructionCount += SHARED_QUANTUM_INSTRUCTIONS;
      processors[0]!.wakesIn = 0;
      return StopReason.Quantum;
    });
    scheduler.runQuantum(always);
    expect(processors[0]!.slept).to.equal(SHARED_QUANTUM_INSTRUCTIONS);
  });

  it('ends the turns of others at the time to which a processor sleeps by a clock of its own', () => {
    const { scheduler, processors } = make(2);
    processors[0]!.wakesIn = 700;
    processors[0]!.script.push(halt);
    scheduler.runQuantum(always);
    scheduler.runQuantum(always);
    expect(processors[1]!.budgets).to.deep.equal([700]);
    scheduler.runQuantum(always);
    expect([processors[0]!.slept, processors[0]!.budgets.length]).to.deep.equal([700, 2]);
  });

  it('ends when all processors sleep so that only another one could wake them', () => {
    const { scheduler, processors } = make(2);
    for (const processor of processors) {
      processor.isHaltedForGood = true;
      processor.script.push(halt);
    }
    expect(scheduler.runQuantum(always)).to.equal(undefined);
    expect(scheduler.runQuantum(always)).to.deep.include({ processor: 1, isHalted: true });
  });
});
