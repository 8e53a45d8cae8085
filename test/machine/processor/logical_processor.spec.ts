// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { Pc } from '../../../src/machine/pc.js';
import type { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { VmxAbort } from '../../../src/machine/vmx/exit/vm_exit.js';
import { VmxMode } from '../../../src/machine/vmx/vmx_mode.js';
import { Owner } from '../../../src/machine/vmx/vmx_state.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { coreModule } from '../../support/test_core.js';

/** Far more than a run may take. A handler that is called as often gives up, so that a run that would not end fails here instead. */
const MOST_CALLS = 50_000;

/** A processor that is a VMM's guest. What its core and its engine do is played. */
async function guestProcessor(): Promise<LogicalProcessor> {
  const pc = await Pc.create({ coreModule: await coreModule(), memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
  const [processor] = pc.processors;
  const { core, engine } = processor!;
  core.load();
  engine.state.owner = Owner.JavaScript;
  core.u32[Word.mode] = VmxMode.NonRoot;
  return processor!;
}

/** Lets each delivery of an event cause a VM exit, whose handler lets VM entry inject the event again. @returns how often it was called */
function redelivers(processor: LogicalProcessor): { calls: number } {
  const { u32 } = processor.core;
  const handler = { calls: 0 };
  sinon.stub(processor.core, 'run').callsFake(() => StopReason.VmExit);
  sinon.stub(processor.engine, 'leave').callsFake(() => {
    u32[Word.faultPending] = 0;
    u32[Word.exitPending] = 1;
    return VmxAbort.None;
  });
  processor.exitEntry = () => {
    if (++handler.calls > MOST_CALLS) throw new Error('the run has not come back');
    u32[Word.faultPending] = 1;
  };
  return handler;
}

describe('LogicalProcessor', () => {
  describe('.run, when a handler never resolves the fault of an event that it injects', () => {
    for (const [what, callsVmm] of [
      ['', false],
      [', and the VMM has work on this processor', true],
    ] as const)
      it(`comes back after its quantum${what}`, async () => {
        const processor = await guestProcessor();
        const handler = redelivers(processor);
        processor.core.u32[Word.faultPending] = 1;
        if (callsVmm) processor.callVmm();
        expect(processor.run(1000)).to.equal(StopReason.Quantum);
        expect(handler.calls).to.be.within(1, 1001);
        expect(processor.core.u32[Word.workPending], 'the work still waits').to.equal(callsVmm ? 1 : 0);
      });

    it('comes back at once if another thread wants attention', async () => {
      const processor = await guestProcessor();
      const handler = redelivers(processor);
      processor.attention = Int32Array.of(1);
      processor.core.u32[Word.faultPending] = 1;
      processor.callVmm();
      expect([processor.run(1_000_000), processor.isCutAtExit]).to.deep.equal([StopReason.Quantum, true]);
      expect(handler.calls).to.equal(1);
    });
  });

  describe('.deliverExit', () => {
    it('ends the processor if its VM entries fail late again and again', async () => {
      const processor = await guestProcessor();
      let calls = 0;
      processor.exitEntry = () => {
        if (++calls > MOST_CALLS) throw new Error('it has not come back');
        processor.core.u32[Word.exitPending] = 1;
      };
      processor.core.u32[Word.exitPending] = 1;
      processor.deliverExit();
      expect(processor.death).to.match(/^1000 VM entries failed in a row, each after VM exit /);
      expect(calls).to.equal(1000);
    });
  });
});
