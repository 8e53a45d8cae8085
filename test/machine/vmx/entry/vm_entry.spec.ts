// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { readFlags } from '../../../../src/machine/processor/lazy_flags.js';
import { Owner } from '../../../../src/machine/vmx/vmx_state.js';
import { VmxStatus } from '../../../../src/machine/vmx/instructions/vmx_status.js';
import { Word } from '../../../../src/machine/vmx/words.js';
import { engineReady, readField, Region, writeField } from '../vmcs_setup.js';

const failureBit = 0x80000000n;

describe('VmEntry', () => {
  it('loads the guest and enters non-root operation when every rule holds', () => {
    const { core, engine } = engineReady({
      GuestRflags: 0x246n,
      GuestFsBase: 0x1234_5678_9abcn,
      GuestIa32SysenterEip: 0x55n,
    });
    const { u32 } = core;
    expect(engine.enter(true, Owner.Code)).to.equal(VmxStatus.Transferred);
    expect(engine.nonRoot).to.equal(true);
    expect(u32[Word.mode]).to.equal(2);
    expect(u32[Word.rip]).to.equal(0x7c00);
    expect(u32[Word.rsp]).to.equal(0x8000);
    expect(readFlags(u32)).to.equal(0x246);
    expect(u32[Word.cr3]).to.equal(0x10000);
    expect(u32[Word.rights + 1]).to.equal(0xa09b);
    expect([u32[Word.bases + 8], u32[Word.bases + 9]]).to.deep.equal([0x56789abc, 0x1234]);
    expect(u32[Word.sysenterEip]).to.equal(0x55);
    expect(u32[Word.efer]! & 0x500).to.equal(0x500);
    expect(u32[Word.dr7]).to.equal(0x400);
    expect(core.calls).to.include('stateLoaded');
  });

  it('keeps CD and NW of CR0 and takes ET from the processor', () => {
    const { core, engine } = engineReady({ GuestCr0: 0x80000021n });
    core.u32[Word.cr0] = 0xe0000031;
    engine.enter(true, Owner.Code);
    expect(core.u32[Word.cr0]).to.equal(0xe0000031);
  });

  it('fills the words that the core tests, and zeroes what a control switches off', () => {
    const { core, engine } = engineReady({
      PrimaryProcessorBasedVmExecutionControls: 0x04006172n | 0x92000088n,
      SecondaryProcessorBasedVmExecutionControls: 0x20n,
      VirtualProcessorIdentifier: 7n,
      TscOffset: 0xffff_ffff_0000_0001n,
      AddressOfMsrBitmap: BigInt(Region.Bitmap),
      ExceptionBitmap: 0x4002n,
      Cr0GuestHostMask: 0x20n,
      EptPointer: 0x1234n,
    });
    const { u32 } = core;
    engine.enter(true, Owner.Code);
    expect(u32[Word.primary]).to.equal(0x96006 * 0x1000 + 0x1fa);
    expect(u32[Word.secondary]).to.equal(0x20);
    expect(u32[Word.vpid]).to.equal(7);
    expect([u32[Word.vmxTscOffset], u32[Word.vmxTscOffset + 1]]).to.deep.equal([1, 0xffffffff]);
    expect(u32[Word.msrBitmap]).to.equal(Region.Bitmap);
    expect(u32[Word.exceptionBitmap]).to.equal(0x4002);
    expect(u32[Word.cr0Mask]).to.equal(0x20);
    expect(u32[Word.eptp]).to.equal(0);
  });

  it('reports bad guest state as exit reason 33 and loads the host', () => {
    const { core, engine } = engineReady({ GuestRflags: 0n });
    expect(engine.enter(true, Owner.Code)).to.equal(VmxStatus.Transferred);
    expect(engine.nonRoot).to.equal(false);
    expect(readField(engine, 'ExitReason')).to.equal(failureBit | 33n);
    expect(readField(engine, 'ExitQualification')).to.equal(0n);
    expect([core.u32[Word.rip], core.u32[Word.rip + 1]]).to.deep.equal([0x1000, 0xffff8000]);
    expect(engine.vmcs.launchedIn, 'launch state').to.equal(0);
  });

  it('gives the qualification of the rule: 4 for a bad link pointer', () => {
    const { engine } = engineReady({ VmcsLinkPointer: 0x123n });
    engine.enter(true, Owner.Code);
    expect(readField(engine, 'ExitReason')).to.equal(failureBit | 33n);
    expect(readField(engine, 'ExitQualification')).to.equal(4n);
  });

  it('loads MSRs and reports the first that cannot be loaded as exit reason 34 with its number', () => {
    const { core, engine } = engineReady({ VmEntryMsrLoadAddress: BigInt(Region.MsrLoad), VmEntryMsrLoadCount: 2n });
    const at = core.physicalOffset(Region.MsrLoad) >>> 2;
    core.msrs.set(0x10, 0n);
    core.u32.set([0x10, 0, 5, 6, 0xc0000100, 0, 0, 0], at);
    engine.enter(true, Owner.Code);
    expect(readField(engine, 'ExitReason')).to.equal(failureBit | 34n);
    expect(readField(engine, 'ExitQualification')).to.equal(2n);
    expect(core.msrs.get(0x10)).to.equal(0x6_0000_0005n);
  });

  it('waits with an injected event for the core to deliver it, and wakes a halted guest', () => {
    const { core, engine } = engineReady({
      VmEntryInterruptionInformationField: 0x80000b0en,
      VmEntryExceptionErrorCode: 6n,
      GuestActivityState: 0n,
    });
    engine.enter(true, Owner.Code);
    const word = (address: number): number => core.u32[address >>> 2]!;
    expect(
      [Layout.FAULT_PENDING, Layout.FAULT_VECTOR, Layout.FAULT_TYPE, Layout.FAULT_HAS_CODE, Layout.FAULT_CODE].map(
        word,
      ),
    ).to.deep.equal([1, 14, 3, 1, 6]);
    expect(word(Layout.FAULT_INJECTED)).to.equal(1);
  });

  it('makes an MTF exit pending for event type 7', () => {
    const { core, engine } = engineReady({ VmEntryInterruptionInformationField: 0x80000700n });
    engine.enter(true, Owner.Code);
    expect(core.u32[Word.mtfPending]).to.equal(1);
    expect(core.u32[Word.faultPending]).to.equal(0);
  });

  it('starts the preemption timer at the TSC of the entry', () => {
    const { core, engine } = engineReady({ PinBasedVmExecutionControls: 0x56n, VmxPreemptionTimerValue: 0x20n });
    core.u32[Word.instructions] = 0xfffffff0;
    core.u32[Word.tscOffset + 1] = 7;
    engine.enter(true, Owner.Code);
    // The TSC is 7_FFFF_FFF0H. The timer counts at its multiples of 4, 20H times.
    expect([core.u32[Word.preemptionDeadline], core.u32[Word.preemptionDeadline + 1]]).to.deep.equal([0x70, 8]);
  });

  it('resumes after an exit and loads what was written meanwhile', () => {
    const { core, engine } = engineReady();
    engine.enter(true, Owner.JavaScript);
    core.u32[Word.exitReason] = 10;
    engine.leave();
    writeField(engine, 'GuestRip', 0x7c02n);
    expect(engine.enter(false, Owner.JavaScript)).to.equal(VmxStatus.Transferred);
    expect(core.u32[Word.rip]).to.equal(0x7c02);
    expect(core.u32[Word.mode]).to.equal(2);
  });

  it('leaves blocking by NMI as it was when it fails', () => {
    const msr = { VmEntryMsrLoadAddress: BigInt(Region.MsrLoad), VmEntryMsrLoadCount: 1n };
    for (const [fields, reason] of [
      [msr, ExitReason.VmEntryFailureMsrLoading],
      [{ GuestRflags: 0n }, ExitReason.VmEntryFailureInvalidGuestState],
    ] as const) {
      for (const [host, guest] of [
        [8, 0n],
        [0, 8n],
      ] as const) {
        const { core, engine } = engineReady({ ...fields, GuestInterruptibilityState: guest });
        core.u32[core.physicalOffset(Region.MsrLoad) >>> 2] = 0x999;
        core.u32[Word.interruptibility] = host;
        engine.enter(true, Owner.Code);
        expect(readField(engine, 'ExitReason')).to.equal(failureBit | BigInt(reason));
        expect(core.u32[Word.interruptibility]).to.equal(host);
      }
    }
  });
});
