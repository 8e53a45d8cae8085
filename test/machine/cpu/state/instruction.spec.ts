// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PinBasedControl, PrimaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Word } from '../../../../src/machine/vmx/words.js';
import { At, SystemMachine } from '../../../support/system_machine.js';
import { eptFields, Guest, GuestMachine, identityEpt, type GuestOptions } from '../../vmx/guest_machine.js';

const machine = await SystemMachine.make({
  acknowledgeInterrupt: () => {
    machine.cpu.setInterruptPending(false);
    return 0x30;
  },
  portRead: () => 0,
});
const RF = 0x10000;
const TF = 0x100;
const forms = ['rep movsb', 'rep stosb', 'rep lodsb', 'repe cmpsb', 'repe scasb', 'rep insb', 'rep outsb'];

/** A machine that is to execute a repeated instruction over three elements. */
function start(rflags = 2): void {
  machine.start({ rflags });
  machine.set('RCX', 3);
  machine.set('RSI', At.pages);
  machine.set('RDI', At.pages + 0x1000);
}
const frame = () => {
  const end = machine.go();
  return { vector: end.vector, rf: end.frame.rflags & RF, left: Number(machine.get('RCX')) };
};

describe('RF of events between iterations of repeated string instructions', () => {
  for (const form of forms) {
    it(`is 1 for ${form}, 0 behind the last iteration: single-step traps`, () => {
      start(TF | 2);
      machine.write(At.kernelCode, [form, 'nop']);
      expect(frame()).to.deep.equal({ vector: 1, rf: RF, left: 2 });
      start(TF | 2);
      machine.set('RCX', 1);
      machine.write(At.kernelCode, [form, 'nop']);
      expect(frame()).to.deep.equal({ vector: 1, rf: 0, left: 0 });
    });
  }
  it('is 1 for the trap of a data breakpoint, behind the iteration that meets it', () => {
    start();
    machine.set('DR0', At.pages + 0x1001);
    machine.set('DR7', 0x10401n);
    machine.stateChanged();
    machine.write(At.kernelCode, ['rep stosb', 'nop']);
    expect(frame()).to.deep.equal({ vector: 1, rf: RF, left: 1 });
    expect(machine.get('DR6') & 0xfn).to.equal(1n);
  });
  it('is 1 for an interrupt and for a fault', () => {
    for (const [setUp, vector] of [
      [() => machine.cpu.setInterruptPending(true), 0x30],
      [() => machine.map(At.pages + 0x1000, 0, 0n), 14],
    ] as const) {
      start(0x202);
      machine.set('RCX', 0x1000 + 3);
      machine.set('RDI', At.pages);
      machine.write(At.kernelCode, ['rep stosb', 'nop']);
      machine.run(1);
      setUp();
      expect(frame()).to.deep.equal({ vector, rf: RF, left: 3 });
    }
  });
  it('keeps an instruction breakpoint on the instruction from being met again', () => {
    start();
    machine.set('DR0', At.kernelCode);
    machine.set('DR7', 0x402n);
    machine.setRflags(RF | 2);
    machine.stateChanged();
    machine.write(At.kernelCode, ['rep stosb', 'nop']);
    expect(machine.go().vector).to.equal(undefined);
    expect(machine.get('RCX')).to.equal(0n);
  });
});

describe('RF of VM exits between iterations', () => {
  async function exitOf(options: Partial<GuestOptions>, attention = 0, steps = 4) {
    const guest = await GuestMachine.create({
      code: ['mov ecx, 0x1003', 'mov edi, 0x30000', 'rep stosb', 'nop'],
      onExit: (_exit, { processor }) => {
        processor.die('exit');
        return true;
      },
      ...options,
    });
    guest.run(steps - 1);
    guest.core.u32[Word.attention]! |= attention;
    guest.run(10);
    expect(guest.exits.length, 'exits').to.equal(1);
    return { reason: guest.exits[0]!.reason, rf: Number(guest.field('GuestRflags')) & RF };
  }
  const pins = (bits: number) => ({ PinBasedVmExecutionControls: 0x16n | BigInt(bits) });

  it('is 1 for interrupts, NMIs, INIT, the preemption timer and the monitor trap flag', async () => {
    const { ATTENTION_INIT, ATTENTION_INTERRUPT, ATTENTION_NMI } = Constants;
    const { ActivateVmxPreemptionTimer, ExternalInterruptExiting, NmiExiting } = PinBasedControl;
    const event = ExitReason.ExceptionOrNonMaskableInterrupt;
    expect(await exitOf({ fields: pins(ExternalInterruptExiting) }, ATTENTION_INTERRUPT)).to.deep.equal({
      reason: ExitReason.ExternalInterrupt,
      rf: RF,
    });
    expect(await exitOf({ fields: pins(NmiExiting) }, ATTENTION_NMI)).to.deep.equal({ reason: event, rf: RF });
    expect(await exitOf({}, ATTENTION_INIT)).to.deep.equal({ reason: ExitReason.InitSignal, rf: RF });
    const timer = { ...pins(ActivateVmxPreemptionTimer), VmxPreemptionTimerValue: 1n };
    // The timer counts when bit 2 of the TSC changes: here after three instructions.
    const almost = ({ core }: GuestMachine): void => {
      core.u32[Word.tscOffset] = 1 - core.instructionCount;
    };
    expect(await exitOf({ fields: timer, prepare: almost })).to.deep.equal({
      reason: ExitReason.VmxPreemptionTimerExpired,
      rf: RF,
    });
    const mtf = { PrimaryProcessorBasedVmExecutionControls: 0x160061f2n | BigInt(PrimaryControl.MonitorTrapFlag) };
    const guestOnRep = { GuestRip: BigInt(Guest.Code + 10), ...mtf };
    const prepare = ({ core }: GuestMachine): void => {
      core.u32[Layout.RCX / 4] = 3;
    };
    expect(await exitOf({ fields: guestOnRep, prepare })).to.deep.equal({ reason: ExitReason.MonitorTrapFlag, rf: RF });
  });
  it('is 1 for an EPT violation of an element', async () => {
    const options = { fields: eptFields(), prepare: (made: GuestMachine) => identityEpt(made, { 0x31000: 0 }) };
    expect(await exitOf(options)).to.deep.equal({ reason: ExitReason.EptViolation, rf: RF });
  });
  it('is 1 for an EPT violation of the delivery of an interrupt', async () => {
    const options = {
      fields: { ...eptFields(), GuestRflags: 0x202n },
      bus: { acknowledgeInterrupt: () => 0x30 },
      prepare: (made: GuestMachine) => identityEpt(made, { [Guest.Idt]: 0 }),
    };
    expect(await exitOf(options, Constants.ATTENTION_INTERRUPT)).to.deep.equal({
      reason: ExitReason.EptViolation,
      rf: RF,
    });
  });
});
