// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PinBasedControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { EptViolationBit, InterruptionBit } from '../../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { InterruptibilityState } from '../../../../src/intrinsics/registers/registers.js';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';
import { eptFields, Guest, GuestMachine, identityEpt, type GuestOptions } from '../../vmx/guest_machine.js';

const machine = await SystemMachine.make();
const blocked = InterruptibilityState.BlockingByNmi;
const interruptibility = (): number => machine.word('INTERRUPTIBILITY');

/** IRETQ to a code segment beyond the GDT. */
const badReturn = ['push 0x10', 'push 0x20000', 'push 2', 'push 0x100', 'push 0x10000', 'iretq'];

describe('Blocking by NMI', () => {
  beforeEach(() => machine.start());

  it('ends with an IRET that faults', () => {
    machine.u32[Layout.INTERRUPTIBILITY / 4] = blocked;
    expect(machine.run64(...badReturn)).to.include({ vector: 13, code: 0x100 });
    expect(interruptibility()).to.equal(0);
  });

  it('lets a waiting NMI come before the first instruction of the handler of that fault', () => {
    machine.u32[Layout.INTERRUPTIBILITY / 4] = blocked;
    machine.u32[Layout.ATTENTION / 4]! |= Constants.ATTENTION_NMI;
    const end = machine.run64(...badReturn);
    expect(end).to.include({ vector: 2, rip: At.handlers + 13 * 16 });
  });

  it('stays when an IRET at a device begins again, so that an NMI does not come between', () => {
    // A stack outside RAM: the access makes the core execute the instruction again, as a step of its own.
    machine.u32[Layout.INTERRUPTIBILITY / 4] = blocked;
    machine.u32[Layout.ATTENTION / 4]! |= Constants.ATTENTION_NMI;
    machine.map(At.pages, 0x8000_0000, 3n);
    const end = machine.run64(`mov rsp, ${At.pages}`, 'nop', 'iretq');
    expect(end.vector, 'the NMI comes behind the fault').to.equal(2);
    expect(end.rip).to.equal(At.handlers + 13 * 16);
  });

  it('ends with the IRET that leaves an NMI task', () => {
    machine.start({ bits: 32, paging: 'none' });
    const task = 0x43000;
    const available = (0x89n << 40n) | (BigInt(task & 0xffffff) << 16n) | 0x67n;
    const busy = (0x8bn << 40n) | (BigInt(At.tss & 0xffffff) << 16n) | 0x67n;
    machine.describe(Select.tss, busy);
    machine.describe(Select.free, available);
    machine.poke64(At.idt + 2 * 8, (BigInt(Select.free) << 16n) | (0x85n << 40n));
    machine.poke32(task + 0x20, 0x12000);
    machine.poke32(task + 0x24, 2);
    machine.poke32(task + 0x38, 0x2f000);
    for (const at of [0x48, 0x50, 0x54, 0x58, 0x5c]) machine.poke32(task + at, Select.data);
    machine.poke32(task + 0x4c, Select.code32);
    machine.write(0x12000, ['iretd']);
    machine.write(At.kernelCode, ['nop']);
    machine.u32[Layout.ATTENTION / 4]! |= Constants.ATTENTION_NMI;
    expect(StopReason[machine.run(1)]).to.equal('Quantum');
    expect(interruptibility(), 'in the NMI task').to.equal(blocked);
    expect(machine.go().vector, 'back in the old task').to.equal(undefined);
    expect(machine.word('TR_SELECTOR')).to.equal(Select.tss);
    expect(interruptibility()).to.equal(0);
  });

  it('begins before the delivery of the NMI can fault', () => {
    machine.poke64(At.idt + 2 * 16, machine.peek64(At.idt + 2 * 16) & ~(1n << 47n));
    machine.write(At.kernelCode, ['nop']);
    machine.u32[Layout.ATTENTION / 4]! |= Constants.ATTENTION_NMI;
    expect(machine.go()).to.include({ vector: 11, code: 2 * 8 + 3 });
    expect(interruptibility()).to.equal(blocked);
  });
});

describe('NMI unblocking due to IRET', () => {
  /** The only exit of a guest that begins with NMIs blocked, and the machine. */
  async function exitOf(options: GuestOptions) {
    const guest = await GuestMachine.create({
      ...options,
      fields: { GuestInterruptibilityState: BigInt(blocked), ...options.fields },
      onExit: (_exit, { processor }) => {
        processor.die('exit');
        return true;
      },
    });
    const [exit] = guest.run();
    expect(exit, 'an exit').to.not.equal(undefined);
    return { exit: exit!, guest };
  }
  const pins = (bits: number) => ({ PinBasedVmExecutionControls: 0x16n | BigInt(bits) });
  const exceptions = { ExceptionBitmap: 0xffffffffn };
  const bit = InterruptionBit.NmiUnblockingDueToIret;

  for (const [name, bits, unblocks] of [
    ['without NMI exiting', 0, true],
    ['with virtual NMIs', PinBasedControl.NmiExiting | PinBasedControl.VirtualNmis, true],
    ['not with NMI exiting alone, where IRET leaves the blocking', PinBasedControl.NmiExiting, false],
  ] as const) {
    it(`is in the interruption information of a fault, ${name}`, async () => {
      const { exit, guest } = await exitOf({ code: badReturn, fields: { ...exceptions, ...pins(bits) } });
      expect(exit.interruption & bit).to.equal(unblocks ? bit : 0);
      expect(guest.field('GuestInterruptibilityState')).to.equal(unblocks ? 0n : BigInt(blocked));
    });
  }

  it('is not there if NMIs were not blocked, nor for the fault of another instruction', async () => {
    const open = await exitOf({ code: badReturn, fields: { ...exceptions, GuestInterruptibilityState: 0n } });
    expect(open.exit.interruption & bit).to.equal(0);
    const other = await exitOf({
      code: ['push 0x10', 'push 0x20000', 'push 2', 'push 8', 'lea rax, [rip + 3]', 'push rax', 'iretq', 'ud2'],
      fields: exceptions,
    });
    expect(other.exit.interruption & (bit | 0xff)).to.equal(6);
  });

  it('is not in the information of a double fault, nor of a fault in the delivery of the fault', async () => {
    const withoutIdt = { GuestIdtrLimit: 0n };
    const double = await exitOf({ code: badReturn, fields: { ExceptionBitmap: 1n << 8n, ...withoutIdt } });
    expect(double.exit.interruption & (bit | 0xff)).to.equal(8);
    const page = { code: ['mov rsp, 0x40000000', 'iretq'], fields: { ExceptionBitmap: 1n << 13n, ...withoutIdt } };
    const second = await exitOf(page);
    expect(second.exit.interruption & (bit | 0xff)).to.equal(13);
    expect(second.exit.vectoring & 0xff).to.equal(14);
  });

  it('is in the qualification of an EPT violation of its stack, not of its fetch nor of the delivery of its fault', async () => {
    const withoutPage = (page: number) => ({
      fields: eptFields(),
      prepare: (m: GuestMachine) => identityEpt(m, { [page]: 0 }),
    });
    const stack = await exitOf({ code: [`mov rsp, ${Guest.Data}`, 'iretq'], ...withoutPage(Guest.Data) });
    expect(stack.exit.reason).to.equal(ExitReason.EptViolation);
    expect(stack.exit.qualification).to.equal(BigInt(1 | 0x180 | EptViolationBit.NmiUnblockingDueToIret));
    expect(stack.guest.field('GuestInterruptibilityState')).to.equal(0n);
    const delivery = await exitOf({ code: badReturn, ...withoutPage(Guest.Idt) });
    expect(delivery.exit.vectoring & 0xff).to.equal(13);
    expect(delivery.exit.qualification).to.equal(0x181n);
    const fetch = await exitOf({ code: [`mov rax, ${Guest.Data}`, 'jmp rax'], ...withoutPage(Guest.Data) });
    expect(fetch.exit.qualification).to.equal(0x184n);
    expect(fetch.guest.field('GuestInterruptibilityState')).to.equal(BigInt(blocked));
  });
});
