// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PinBasedControl } from '../../src/intrinsics/vmx/control_bits.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { Sizes } from '../../src/machine/layout/regions.js';
import { VmxArea } from '../../src/machine/vmx/vmcs/vmx_area.js';
import { assemble } from '../support/assembler.js';
import { Rights } from '../support/processor_setup.js';
import { createTestCore, type TestCore } from '../support/test_core.js';
import { GuestMachine, type GuestOptions } from './vmx/guest_machine.js';

/** A guest that leaves for CPUID, for the monitor trap flag's rival the preemption timer, and for HLT never. */
const guest: GuestOptions = {
  code: ['again: inc rsi', 'imul rdi, rsi', 'mov [0x30000], rdi', 'push rdi', 'popf', 'cpuid', 'jmp again'],
  fields: {
    PinBasedVmExecutionControls: 0x16n | BigInt(PinBasedControl.ActivateVmxPreemptionTimer),
    VmxPreemptionTimerValue: 23n,
  },
};

/** Registers, flags and RAM. */
function stateOf({ core }: GuestMachine): unknown {
  const { block } = core;
  const names = [
    'RAX',
    'RBX',
    'RCX',
    'RDX',
    'RSI',
    'RDI',
    'RSP',
    'RIP',
    'RFLAGS',
    'CR0',
    'CR3',
    'INSTRUCTIONS',
  ] as const;
  return [...names.map((name) => block.get(name)), Buffer.from(core.ram.subarray(0, 0x80000)).toString('base64')];
}

describe('The state of a processor', () => {
  it('is all in memory: another machine with a copy of the memory goes on as the first one does', async () => {
    const first = await GuestMachine.create(guest);
    const second = await GuestMachine.create(guest);
    for (const instructions of [100, 1, 57, 5, 1000]) {
      first.run(instructions);
      second.core.u8.set(first.core.u8);
      second.core.stateLoaded();
      second.processor.engine.memoryRestored();
      const [before, same] = [first.exits.length, second.exits.length];
      first.run(500);
      second.run(500);
      expect(second.exits.slice(same)).to.deep.equal(first.exits.slice(before));
      expect(first.exits.length - before, 'exits').to.be.greaterThan(20);
      expect(stateOf(second)).to.deep.equal(stateOf(first));
      expect(second.processor.engine.checks.unchecked).to.equal(first.processor.engine.checks.unchecked);
      expect(second.processor.engine.vmcs.halves).to.deep.equal(first.processor.engine.vmcs.halves);
    }
  });

  it('includes what was decoded: a copy notices a write to an instruction that crosses a page', async () => {
    const crossing = 0x1ffe;
    const make = async (): Promise<TestCore> => {
      const core = await createTestCore(0x100000);
      core.u8.set(assemble([`again: call ${crossing}`, 'inc cx', 'jmp again'], 16, 0x1000), Layout.RAM + 0x1000);
      core.u8.set(assemble(['mov bx, 0x1122', 'ret'], 16, crossing), Layout.RAM + crossing);
      const code = { selector: 0, base: 0n, limit: 0xffff, rights: Rights.code16 };
      core.cpu.block.load({ CS: code, RIP: 0x1000, RSP: 0x8000 });
      return core;
    };
    const first = await make();
    const second = await make();
    first.run(100);
    second.u8.set(first.u8);
    second.cpu.stateLoaded();
    for (const core of [first, second]) {
      core.u8[Layout.RAM + crossing + 2] = 0x55;
      core.codeChanged(crossing + 2, 1);
      core.run(20);
    }
    expect(first.cpu.block.get('RBX')).to.equal(0x5522n);
    expect(second.cpu.block.get('RBX')).to.equal(0x5522n);
    expect(second.cpu.block.get('RCX')).to.equal(first.cpu.block.get('RCX'));
  });

  it('keeps the current VMCS where no guest address leads', async () => {
    const machine = await GuestMachine.create(guest);
    const from = Layout.VMX_AREAS;
    const to = from + Sizes.MAX_PROCESSORS * Sizes.VMX_AREA;
    expect(machine.processor.engine.vmcs.halves.byteOffset).to.be.within(from, to);
    const { core } = machine;
    const last = core.model.physicalAddressBits;
    for (let bit = 12; bit <= last; bit++)
      for (const physical of [2 ** bit - 4096, 2 ** bit])
        expect(core.physicalOffset(physical), physical.toString(16)).to.satisfy(
          (at: number) => at < 0 || at >= Layout.RAM,
        );
  });

  it('has room in a VMX area for each processor', () => {
    const memory = new ArrayBuffer(Layout.RECORDS);
    const areas = Array.from({ length: Sizes.MAX_PROCESSORS }, (_, id) => new VmxArea(memory, id));
    areas.forEach((area, id) => area.halves.fill(id + 1));
    expect(areas.map((area) => area.halves.every((half) => half === area.halves[0]!))).to.deep.equal(
      areas.map(() => true),
    );
    expect(areas.map((area) => area.halves[0])).to.deep.equal(areas.map((_, id) => id + 1));
  });
});
