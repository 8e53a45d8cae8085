// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { modelFeatures } from '../../../src/machine/models/model_features.js';
import { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import {
  addressMode,
  executionState,
  modeName,
  privilegeLevel,
  stoppedInHandler,
} from '../../../src/machine/report/execution_state.js';
import { SystemMachine, type Start } from '../../support/system_machine.js';

const machine = await SystemMachine.make();
const { cpu } = machine;
const processor = new LogicalProcessor(0, cpu, { cr4Allowed: cpu.cr4Allowed, features: modelFeatures(cpu.model) });
const stateOf = (start: Start) => {
  machine.start(start);
  return executionState(processor);
};

describe('executionState', () => {
  it('is the state of the processor, outside a VM exit', () => {
    machine.start();
    machine.set('RBX', 0x1122334455667788n);
    const state = executionState(processor);
    expect(Object.fromEntries(state.general)).to.include({ RBX: 0x1122334455667788n });
    expect(state.rip).to.equal(machine.get('RIP'));
    expect([state.cr3, state.eptPointer]).to.deep.equal([machine.get('CR3'), undefined]);
    expect(stoppedInHandler(processor)).to.equal(false);
  });
});

describe('modeName, addressMode and privilegeLevel', () => {
  for (const [start, name, bits, level] of [
    [{ bits: 64 }, '64-bit', 64, 0],
    [{ bits: 64, cpl: 3 }, '64-bit', 64, 3],
    [{ bits: 32, paging: '4-level' }, 'compatibility, 32-bit', 32, 0],
    [{ bits: 32, cpl: 3 }, 'protected, 32-bit', 32, 3],
    [{ bits: 16 }, 'real-address, 16-bit', 16, 0],
  ] as const)
    it(`say ${name} at CPL ${level}, as the core does`, () => {
      const state = stateOf(start);
      expect([modeName(state), addressMode(state).bits, privilegeLevel(state)]).to.deep.equal([name, bits, level]);
      expect(cpu.block.get('CPL')).to.equal(level);
    });

  it('say virtual-8086', () => {
    const state = { ...stateOf({ bits: 32 }), rflags: 0x20002n };
    expect([modeName(state), privilegeLevel(state)]).to.deep.equal(['virtual-8086, 32-bit', 3]);
  });
});
