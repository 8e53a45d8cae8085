// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import {
  generalRegisterNames,
  segmentRegisterNames,
  type RegisterName,
  type Registers,
} from '../../../src/machine/processor/register_names.js';
import { UnpagedGuestError } from '../../../src/machine/driver_context/unpaged_guest_error.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { IntrinsicsMachine, System } from '../intrinsics/intrinsics_machine.js';

const stateNames: readonly RegisterName[] = [
  ...generalRegisterNames,
  ...segmentRegisterNames,
  'RIP',
  'RFLAGS',
  'GDTR',
  'IDTR',
  'CR0',
  'CR2',
  'CR3',
  'CR4',
  'PDPTE0',
  'PDPTE1',
  'PDPTE2',
  'PDPTE3',
  'EFER',
  'INTERRUPTIBILITY',
  'ACTIVITY',
  'DEBUG_TRAPS',
  'CPL',
  'INSTRUCTIONS',
];

/** The guest's state of the processor. The core may keep the flags in another form than before; software sees RFLAGS. */
const stateOf = ({ core }: IntrinsicsMachine): Registers =>
  Object.fromEntries(stateNames.map((name) => [name, core.block.get(name)])) as Registers;

/** Guest RAM, without the carve-out. */
const ramOf = ({ core }: IntrinsicsMachine): Buffer => Buffer.from(core.u8.slice(Layout.RAM, Layout.RAM + 0x1000000));

const loop = ['again: inc rax', 'imul rbx, rax', 'mov [0x30000], rbx', 'jmp again'];

describe('DriverContext', () => {
  it('gives the processor its own state back, and touches no memory of it', async () => {
    const machine = await IntrinsicsMachine.create();
    machine.processor.run(1000);
    const state = stateOf(machine);
    const ram = ramOf(machine);
    machine.driver.run(() => {
      expect(machine.core.u32[Word.cpl]).to.equal(0);
      expect(machine.controlRegisters.readRflags()).to.equal(2n);
      machine.registers.values.fill(0x55n);
    });
    expect(stateOf(machine)).to.deep.equal(state);
    expect(ramOf(machine).equals(ram)).to.equal(true);
  });

  it('gives it back as the guest that the context became', async () => {
    const machine = await IntrinsicsMachine.create();
    machine.processor.run(1000);
    const state = stateOf(machine);
    machine.driver.run(() => machine.launch());
    const vmxe = 0x2000n;
    state.CR4 |= vmxe;
    expect(machine.processor.engine.nonRoot).to.equal(true);
    expect(stateOf(machine)).to.deep.equal(state);
    expect(machine.processor.run(1000)).to.equal(StopReason.Quantum);
    expect(machine.exits).to.deep.equal([]);
  });

  for (const [what, change] of [
    [
      'at CPL 3',
      (machine: IntrinsicsMachine) => {
        const { u32 } = machine.core;
        u32[Word.selectors + 1] = 0x1b;
        u32[Word.rights + 1] = 0xa0fb;
        u32[Word.selectors + 2] = 0x23;
        u32[Word.rights + 2] = 0xc0f3;
        machine.core.stateLoaded();
      },
    ],
    ['in HLT', (machine: IntrinsicsMachine) => (machine.core.u32[Word.activity] = 1)],
    ['in an STI shadow', (machine: IntrinsicsMachine) => (machine.core.u32[Word.interruptibility] = 1)],
  ] as const) {
    it(`starts and ends ${what}`, async () => {
      const machine = await IntrinsicsMachine.create();
      change(machine);
      const state = stateOf(machine);
      machine.driver.run(() => {
        machine.launch();
        machine.vmx.vmcall();
      });
      const after = stateOf(machine);
      after.CR4 = state.CR4;
      expect(after).to.deep.equal(state);
      expect(machine.exits).to.deep.equal([ExitReason.Vmcall]);
    });
  }

  for (const launches of [false, true]) {
    it(`keeps an NMI that arrives ${launches ? 'after' : 'before'} the launch for the software that the driver interrupted`, async () => {
      const machine = await IntrinsicsMachine.create();
      const isPending = (): boolean => (machine.core.block.get('ATTENTION') & Constants.ATTENTION_NMI) !== 0;
      machine.driver.run(() => {
        if (launches) machine.launch();
        machine.core.nmi();
        if (!launches) machine.launch();
        machine.vmx.vmcall();
        expect(isPending()).to.equal(true);
      });
      expect(machine.exits).to.deep.equal([ExitReason.Vmcall]);
      expect([isPending(), machine.core.block.get('INTERRUPTIBILITY')]).to.deep.equal([true, 0]);
      // The software has no IDT: the delivery ends in a triple fault, and before the VMM was told of none.
      machine.processor.run(10);
      expect(isPending()).to.equal(false);
      expect(machine.exits).to.include(ExitReason.TripleFault);
    });
  }

  it('keeps INIT and a start-up IPI that had arrived for the software that the driver interrupted', async () => {
    const machine = await IntrinsicsMachine.create();
    const signals = Constants.ATTENTION_INIT | Constants.ATTENTION_SIPI;
    const pending = (): number => machine.core.block.get('ATTENTION') & signals;
    machine.driver.run(() => machine.launch());
    machine.core.init();
    machine.core.startUp(9);
    machine.driver.run(() => machine.vmx.vmcall());
    expect(machine.exits).to.deep.equal([ExitReason.Vmcall]);
    expect(pending()).to.equal(signals);
    machine.processor.run(10);
    expect(machine.exits).to.include(ExitReason.InitSignal);
  });

  it('calls the VMM a thousand times while the guest computes, which the guest does not notice', async () => {
    const undisturbed = await IntrinsicsMachine.create(loop);
    const machine = await IntrinsicsMachine.create(loop);
    for (const each of [undisturbed, machine]) each.driver.run(() => each.launch());
    for (let i = 0; i < 1000; i++) {
      machine.processor.run(97);
      undisturbed.processor.run(97);
      machine.driver.run(() => machine.vmx.vmcall());
    }
    expect(machine.exits.length).to.equal(1000);
    expect(stateOf(machine)).to.deep.equal(stateOf(undisturbed));
    expect(ramOf(machine).equals(ramOf(undisturbed))).to.equal(true);
  });

  it('refuses to make a guest of a system without paging, unless the guest is unrestricted', async () => {
    const machine = await IntrinsicsMachine.create();
    machine.core.u32[Word.cr0] = 0x11;
    machine.core.u32[Word.efer] = 0;
    machine.core.u32[Word.rights + 1] = 0xc09b;
    machine.core.stateLoaded();
    expect(() => machine.driver.run(() => machine.launch())).to.throw(UnpagedGuestError, /unrestricted guest/);
  });

  it('undoes what it forced on a system without paging, if the VMM was not started', async () => {
    const machine = await IntrinsicsMachine.create();
    machine.core.u32[Word.cr0] = 0x11;
    machine.core.u32[Word.cr4] = 0;
    machine.core.u32[Word.efer] = 0;
    machine.core.stateLoaded();
    const state = stateOf(machine);
    expect(machine.driver.run(() => machine.controlRegisters.readCr0())).to.equal(0x80000031n);
    expect(stateOf(machine)).to.deep.equal(state);
    expect(machine.core.u32[Word.rip]).to.equal(System.Code);
  });
});
