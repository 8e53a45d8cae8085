// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { InterruptibilityState, PendingDebugExceptions } from '../../../../src/intrinsics/registers/registers.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Guest, GuestMachine } from '../guest_machine.js';

const { B0, BS, EnabledBreakpoint } = PendingDebugExceptions;
const met = B0 | EnabledBreakpoint;

interface Case {
  readonly pending: number;
  readonly event?: bigint;
  readonly interruptibility?: number;
}
/** Where a guest meets #DB, with which DR6 bits; undefined if it does not. */
async function debugException(test: Case): Promise<{ rip: bigint; bits: bigint } | undefined> {
  const guest = await GuestMachine.create({
    code: ['nop', 'hlt'],
    fields: {
      ExceptionBitmap: 2n,
      GuestRflags: (test.pending & BS) === 0 ? 0x202n : 0x302n,
      GuestPendingDebugExceptions: BigInt(test.pending),
      GuestInterruptibilityState: BigInt(test.interruptibility ?? 0),
      VmEntryInterruptionInformationField: test.event ?? 0n,
      VmEntryInstructionLength: 2n,
    },
    onExit: (_exit, { processor }) => {
      processor.die('exit');
      return true;
    },
  });
  const [exit] = guest.run();
  if (exit === undefined) return undefined;
  expect(exit.reason).to.equal(ExitReason.ExceptionOrNonMaskableInterrupt);
  return { rip: exit.rip, bits: exit.qualification };
}

describe('Pending debug exceptions after a VM entry', () => {
  const code = BigInt(Guest.Code);
  const handler = BigInt(Guest.Handler);
  for (const [name, event] of [
    ['an external interrupt', 0x80000020n],
    ['an NMI', 0x80000202n],
    ['a hardware exception', 0x80000306n],
    ['INT1', 0x80000501n],
    ['a software interrupt', 0x80000430n],
    ['a software exception', 0x80000603n],
  ] as const) {
    it(`are gone if the entry injects ${name}`, async () => {
      for (const pending of [BS, met]) expect(await debugException({ pending, event })).to.equal(undefined);
    });
  }
  it('come behind a software interrupt or exception that is injected into the shadow of MOV SS', async () => {
    const interruptibility = InterruptibilityState.BlockingByMovSs;
    for (const event of [0x80000430n, 0x80000603n])
      expect(await debugException({ pending: met, event, interruptibility })).to.deep.equal({ rip: handler, bits: 1n });
  });
  it('are valid only with BS or an enabled breakpoint', async () => {
    expect(await debugException({ pending: B0 })).to.equal(undefined);
    expect(await debugException({ pending: met })).to.deep.equal({ rip: code, bits: 1n });
    expect(await debugException({ pending: EnabledBreakpoint })).to.deep.equal({ rip: code, bits: 0n });
    expect(await debugException({ pending: BS })).to.deep.equal({ rip: code, bits: BigInt(BS) });
  });
  it('put no enabled breakpoint into DR6', async () => {
    const guest = await GuestMachine.create({
      code: ['nop', 'hlt'],
      fields: { GuestPendingDebugExceptions: BigInt(EnabledBreakpoint) },
    });
    guest.run();
    expect(guest.field('GuestRip')).to.equal(handler);
    expect(guest.core.u64[Layout.DR6 / 8]).to.equal(0xffff0ff0n);
  });
});
