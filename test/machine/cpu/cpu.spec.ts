// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PinBasedControl, PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { ActivityState } from '../../../src/intrinsics/registers/registers.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { GuestMachine, type GuestOptions } from '../vmx/guest_machine.js';

const { ATTENTION_INIT, ATTENTION_INTERRUPT, ATTENTION_NMI, ATTENTION_SIPI } = Constants;
const { ExternalInterruptExiting, NmiExiting, VirtualNmis, ActivateVmxPreemptionTimer } = PinBasedControl;
const primaryDefaults = 0x160061f2n;
const pins = (bits: number): GuestOptions['fields'] => ({ PinBasedVmExecutionControls: 0x16n | BigInt(bits) });
const controls = (bit: number): GuestOptions['fields'] => ({
  PrimaryProcessorBasedVmExecutionControls: primaryDefaults | BigInt(bit),
});

/** What happens to a guest that a VM entry puts into an activity state: a VM exit's reason, that it stays there, or that it wakes. */
type Outcome = number | 'stays' | 'wakes';
interface Case {
  readonly event: string;
  readonly fields: GuestOptions['fields'];
  readonly attention?: number;
  readonly hlt: Outcome;
  readonly shutdown: Outcome;
  readonly waitForSipi: Outcome;
}
/** SDM 3C "Other Causes of VM Exits". */
const cases: readonly Case[] = [
  {
    event: 'an external interrupt with its exiting',
    fields: pins(ExternalInterruptExiting),
    attention: ATTENTION_INTERRUPT,
    hlt: ExitReason.ExternalInterrupt,
    shutdown: 'stays',
    waitForSipi: 'stays',
  },
  {
    event: 'an external interrupt without',
    fields: { GuestRflags: 0x202n },
    attention: ATTENTION_INTERRUPT,
    hlt: 'wakes',
    shutdown: 'stays',
    waitForSipi: 'stays',
  },
  {
    event: 'an NMI with its exiting',
    fields: pins(NmiExiting),
    attention: ATTENTION_NMI,
    hlt: ExitReason.ExceptionOrNonMaskableInterrupt,
    shutdown: ExitReason.ExceptionOrNonMaskableInterrupt,
    waitForSipi: 'stays',
  },
  {
    event: 'an NMI without',
    fields: {},
    attention: ATTENTION_NMI,
    hlt: 'wakes',
    shutdown: 'wakes',
    waitForSipi: 'stays',
  },
  {
    event: 'INIT',
    fields: {},
    attention: ATTENTION_INIT,
    hlt: ExitReason.InitSignal,
    shutdown: ExitReason.InitSignal,
    waitForSipi: 'stays',
  },
  {
    event: 'a start-up IPI',
    fields: {},
    attention: ATTENTION_SIPI,
    hlt: 'stays',
    shutdown: 'stays',
    waitForSipi: ExitReason.Sipi,
  },
  {
    event: 'a start-up IPI behind an INIT that is blocked',
    fields: {},
    attention: ATTENTION_SIPI | ATTENTION_INIT,
    hlt: ExitReason.InitSignal,
    shutdown: ExitReason.InitSignal,
    waitForSipi: ExitReason.Sipi,
  },
  {
    event: 'the NMI window',
    fields: { ...pins(NmiExiting | VirtualNmis), ...controls(PrimaryControl.NmiWindowExiting) },
    hlt: ExitReason.NmiWindow,
    shutdown: ExitReason.NmiWindow,
    waitForSipi: 'stays',
  },
  {
    event: 'the interrupt window',
    fields: { GuestRflags: 0x202n, ...controls(PrimaryControl.InterruptWindowExiting) },
    hlt: ExitReason.InterruptWindow,
    shutdown: 'stays',
    waitForSipi: 'stays',
  },
  {
    event: 'the preemption timer at 0',
    fields: { ...pins(ActivateVmxPreemptionTimer), VmxPreemptionTimerValue: 0n },
    hlt: ExitReason.VmxPreemptionTimerExpired,
    shutdown: ExitReason.VmxPreemptionTimerExpired,
    waitForSipi: 'stays',
  },
  {
    event: 'a pending debug exception',
    fields: { GuestRflags: 0x102n, GuestPendingDebugExceptions: 0x4000n, ExceptionBitmap: 2n },
    hlt: ExitReason.ExceptionOrNonMaskableInterrupt,
    shutdown: 'stays',
    waitForSipi: 'stays',
  },
];

async function outcome(test: Case, activity: number): Promise<Outcome> {
  const guest = await GuestMachine.create({
    code: ['nop'],
    handler: ['jmp .'],
    fields: { ...test.fields, GuestActivityState: BigInt(activity) },
    bus: { acknowledgeInterrupt: () => 0x30 },
    onExit: (_exit, { processor }) => {
      processor.die('exit');
      return true;
    },
  });
  guest.core.u32[Word.attention]! |= test.attention ?? 0;
  const stop = guest.processor.run(20);
  if (guest.exits.length > 0) return guest.exits[0]!.reason;
  const now = guest.core.u32[Word.activity];
  if (now === ActivityState.Active) return 'wakes';
  expect([stop, now]).to.deep.equal([StopReason.Idle, activity]);
  return 'stays';
}

describe('Activity states of a guest', () => {
  for (const test of cases) {
    it(`with ${test.event}`, async () => {
      expect(await outcome(test, ActivityState.Hlt), 'HLT').to.equal(test.hlt);
      expect(await outcome(test, ActivityState.Shutdown), 'shutdown').to.equal(test.shutdown);
      expect(await outcome(test, ActivityState.WaitForSipi), 'wait-for-SIPI').to.equal(test.waitForSipi);
    });
  }
});
