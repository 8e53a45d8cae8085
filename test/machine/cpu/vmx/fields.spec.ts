// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { encodingOf, slotCount, supportedSlot } from '../../../../src/machine/vmx/vmcs/field_slots.js';
import { VmxMode } from '../../../../src/machine/vmx/vmx_mode.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();
const PF = 14;

/** Each slot's encoding for full and high access, and the same with each bit that is reserved. */
function* encodings(): Generator<number> {
  for (let slot = 0; slot < slotCount; slot++)
    for (const encoding of [encodingOf(slot), encodingOf(slot) | 1]) {
      yield encoding;
      for (const bit of [6, 7, 8, 9, 12, 15, 16, 31]) if (slot % 16 === 0) yield (encoding | (1 << bit)) >>> 0;
    }
}

describe('The fields that the core knows', () => {
  it('are those of the engine', () => {
    machine.start();
    machine.u32[Layout.VMX_MODE / 4] = VmxMode.Root;
    machine.set('VMX_CURRENT_VMCS', 0x1000);
    // VMREAD [RDI], RAX: the core probes its operand, which is not there, only for a field that exists
    machine.poke(At.kernelCode, 0x0f, 0x78, 0x07);
    machine.codeChanged(At.kernelCode, 3);
    machine.set('RDI', 0x7000000000);
    machine.stateChanged();
    const different: string[] = [];
    for (const encoding of encodings()) {
      machine.set('RIP', At.kernelCode);
      machine.set('RSP', At.kernelStackTop);
      machine.set('RAX', encoding);
      machine.u32[Layout.ACTIVITY / 4] = 0;
      const stop = machine.run(100);
      const isKnown = stop === StopReason.Idle && machine.ending().vector === PF;
      if (!isKnown) expect(stop).to.equal(StopReason.VmxInstruction);
      if (isKnown !== supportedSlot(encoding) >= 0) different.push(encoding.toString(16));
    }
    expect(different).to.deep.equal([]);
  });
});
