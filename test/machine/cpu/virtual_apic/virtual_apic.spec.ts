// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ApicRegister } from '../../../../src/intrinsics/structures/apic_registers.js';
import { SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Guest } from '../../vmx/guest_machine.js';
import { apicGuest, countingHandler, hasVector, seen, virtualRegister, writeX2apic } from './apic_guest.js';

const { InService, InterruptRequest, ProcessorPriority, TaskPriority } = ApicRegister;
const vid = SecondaryControl.VirtualizeX2apicMode | SecondaryControl.VirtualInterruptDelivery;
const rsi = 6;

describe('The TPR shadow', () => {
  it('is what MOV from and to CR8 use, and not the local APIC', async () => {
    const written: number[] = [];
    const machine = await apicGuest({
      code: ['mov eax, 9', 'mov rbx, cr8', 'mov cr8, rax', 'mov rdx, cr8'],
      registers: { [TaskPriority]: 0xffffff35 | 0 },
      bus: { taskPriorityWrite: (value) => written.push(value), taskPriorityRead: () => 0xf0 },
    });
    expect([machine.register(3), machine.register(2)]).to.deep.equal([3n, 9n]);
    expect(virtualRegister(machine, TaskPriority)).to.equal(0x90);
    expect([machine.exits.length, written.length]).to.deep.equal([0, 0]);
  });

  it('causes a VM exit behind the instruction that lowers the priority below the threshold', async () => {
    const machine = await apicGuest({
      code: ['mov eax, 5', 'mov cr8, rax', 'dec eax', 'mov cr8, rax', 'nop'],
      fields: { TprThreshold: 5n },
      registers: { [TaskPriority]: 0x50 },
    });
    expect(seen(machine)).to.deep.equal([[ExitReason.TprBelowThreshold, 0n, 15]]);
    expect(virtualRegister(machine, TaskPriority)).to.equal(0x40);
  });

  it('causes one right after VM entry if APIC accesses are virtualized', async () => {
    const machine = await apicGuest({
      code: ['nop'],
      secondary: SecondaryControl.VirtualizeApicAccesses,
      fields: { TprThreshold: 1n },
      onExit: (_exit, made) => made.setField('TprThreshold', 0n),
    });
    expect(seen(machine)).to.deep.equal([[ExitReason.TprBelowThreshold, 0n, 0]]);
  });

  it('refuses priorities above 15 with #GP', async () => {
    const machine = await apicGuest({ code: ['mov eax, 16', 'mov cr8, rax'], handler: ['pop rbx', 'hlt'] });
    expect([machine.register(3), virtualRegister(machine, TaskPriority)]).to.deep.equal([0n, 0]);
  });
});

describe('Virtual-interrupt delivery', () => {
  const waiting = { [InterruptRequest + 0x10]: 1 << 0x11 };

  it('delivers what VM entry finds, and keeps requests, services and priority', async () => {
    const machine = await apicGuest({
      code: ['nop'],
      handler: ['mov edi, 7', 'hlt'],
      secondary: vid,
      fields: { GuestInterruptStatus: 0x31n },
      registers: waiting,
    });
    expect(machine.exits).to.deep.equal([]);
    expect(machine.register(7)).to.equal(7n);
    expect(hasVector(machine, InService, 0x31)).to.equal(true);
    expect(hasVector(machine, InterruptRequest, 0x31)).to.equal(false);
    expect(virtualRegister(machine, ProcessorPriority)).to.equal(0x30);
    expect(machine.field('GuestInterruptStatus')).to.equal(0x3100n);
  });

  it('waits for the task priority and for STI', async () => {
    const machine = await apicGuest({
      code: ['nop', 'xor eax, eax', 'mov cr8, rax', 'mov rbx, rsi', 'sti', 'nop', 'nop'],
      handler: countingHandler,
      secondary: vid,
      fields: { GuestInterruptStatus: 0x31n, GuestRflags: 2n },
      registers: { ...waiting, [TaskPriority]: 0x30 },
    });
    expect([machine.register(3), machine.register(rsi)]).to.deep.equal([0n, 1n]);
    expect(machine.field('GuestInterruptStatus')).to.equal(0n);
  });

  it('wakes the guest from HLT', async () => {
    const machine = await apicGuest({
      code: ['nop'],
      handler: countingHandler,
      secondary: vid,
      fields: { GuestInterruptStatus: 0x31n, GuestActivityState: 1n },
      registers: waiting,
    });
    expect(machine.register(rsi)).to.equal(1n);
  });

  it('delivers a lower vector after the EOI of a higher one', async () => {
    const machine = await apicGuest({
      code: ['nop'],
      handler: countingHandler,
      secondary: vid,
      fields: { GuestInterruptStatus: 0x45n },
      registers: { ...waiting, [InterruptRequest + 0x20]: 1 << 5 },
    });
    expect(machine.exits).to.deep.equal([]);
    expect(machine.register(rsi)).to.equal(2n);
    expect([hasVector(machine, InService, 0x45), hasVector(machine, InService, 0x31)]).to.deep.equal([false, false]);
  });

  it('leaves behind the EOI of a vector in the EOI-exit bitmap', async () => {
    const machine = await apicGuest({
      code: ['nop'],
      handler: countingHandler,
      secondary: vid,
      fields: { GuestInterruptStatus: 0x31n, EoiExitBitmap0: 1n << 0x31n },
      registers: waiting,
    });
    const behindWrmsr = Guest.Handler - Guest.Code + 3 + 5 + 5 + 2 + 2;
    expect(seen(machine)).to.deep.equal([[ExitReason.VirtualizedEoi, 0x31n, behindWrmsr]]);
    expect(machine.register(rsi)).to.equal(1n);
  });

  it('takes self-IPIs; one of a reserved vector is a VM exit', async () => {
    const machine = await apicGuest({
      code: [...writeX2apic(ApicRegister.SelfIpi, 0x41), ...writeX2apic(ApicRegister.SelfIpi, 5)],
      handler: countingHandler,
      secondary: vid,
    });
    expect(machine.register(rsi)).to.equal(1n);
    expect(seen(machine)).to.deep.equal([[ExitReason.ApicWrite, BigInt(ApicRegister.SelfIpi), 28]]);
  });

  it('does not deliver while the interrupt window is wanted', async () => {
    const machine = await apicGuest({
      code: ['nop'],
      handler: countingHandler,
      secondary: vid,
      fields: { GuestInterruptStatus: 0x31n, PrimaryProcessorBasedVmExecutionControls: 0x962061f6n },
      registers: waiting,
      onExit: (_exit, made) => made.setField('PrimaryProcessorBasedVmExecutionControls', 0x962061f2n),
    });
    expect(seen(machine)).to.deep.equal([[ExitReason.InterruptWindow, 0n, 0]]);
    expect(machine.register(rsi)).to.equal(1n);
  });
});
