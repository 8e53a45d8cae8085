// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ApicRegister } from '../../../../src/intrinsics/structures/apic_registers.js';
import { ExitControl, PinBasedControl, SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Word } from '../../../../src/machine/vmx/words.js';
import type { GuestMachine } from '../../vmx/guest_machine.js';
import { ApicPage, apicGuest, countingHandler, dwordAt, hasVector, seen } from './apic_guest.js';

const notification = 0xf2;
const outstanding = 0x20;

describe('Posted interrupts', () => {
  /** A guest at whose pin an interrupt waits when it begins. @returns the machine, and the writes to devices. */
  async function interrupted(vector: number): Promise<{ machine: GuestMachine; writes: [number, number][] }> {
    const writes: [number, number][] = [];
    const vectors = [vector];
    const machine = await apicGuest({
      code: ['nop', 'nop'],
      handler: countingHandler,
      secondary: SecondaryControl.VirtualizeX2apicMode | SecondaryControl.VirtualInterruptDelivery,
      fields: {
        PinBasedVmExecutionControls: 0x17n | BigInt(PinBasedControl.ProcessPostedInterrupts),
        VmExitControls: 0x36fffn | BigInt(ExitControl.AcknowledgeInterruptOnExit),
        PostedInterruptNotificationVector: BigInt(notification),
        PostedInterruptDescriptorAddress: BigInt(ApicPage.Descriptor),
      },
      bus: {
        acknowledgeInterrupt: () => vectors.shift() ?? -1,
        mmioWrite: (address, _size, value) => void writes.push([address, value]),
      },
      prepare: (made) => {
        // Vectors 51H and 53H, and an outstanding notification.
        made.write64(ApicPage.Descriptor + 8, 0xa_0000n);
        made.write64(ApicPage.Descriptor + outstanding, 1n);
        made.core.u32[Word.attention]! |= Constants.ATTENTION_INTERRUPT;
        made.core.block.set('APIC_BASE', 0xfee00900n);
      },
    });
    return { machine, writes };
  }

  it('are moved to the virtual APIC and delivered without a VM exit, after an EOI of the notification', async () => {
    const { machine, writes } = await interrupted(notification);
    expect(machine.exits).to.deep.equal([]);
    expect(machine.register(6)).to.equal(2n);
    expect(writes).to.deep.equal([[0xfee00000 + ApicRegister.EndOfInterrupt, 0]]);
    expect(machine.read64(ApicPage.Descriptor + 8)).to.equal(0n);
    expect(dwordAt(machine, ApicPage.Descriptor + outstanding)).to.equal(0);
    expect(hasVector(machine, ApicRegister.InterruptRequest, 0x53)).to.equal(false);
  });

  it('leave any other interrupt to the VMM, which gets the vector that was acknowledged', async () => {
    const { machine, writes } = await interrupted(0x40);
    expect(seen(machine)).to.deep.equal([[ExitReason.ExternalInterrupt, 0n, 0]]);
    expect(machine.exits[0]!.interruption).to.equal(0x80000040);
    expect(writes).to.deep.equal([]);
    expect(machine.register(6)).to.equal(0n);
  });
});
