// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason, exitReasonName } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { readFlags, writeFlags } from '../../../../src/machine/processor/lazy_flags.js';
import { VmxAbort } from '../../../../src/machine/vmx/exit/vm_exit.js';
import type { VmxEngine } from '../../../../src/machine/vmx/vmx_engine.js';
import { Owner } from '../../../../src/machine/vmx/vmx_state.js';
import { VmxStatus } from '../../../../src/machine/vmx/instructions/vmx_status.js';
import { timerRate } from '../../../../src/machine/vmx/preemption_timer.js';
import { Word } from '../../../../src/machine/vmx/words.js';
import type { FakeCore } from '../fake_core.js';
import { engineReady, readField, Region, writeField } from '../vmcs_setup.js';

type Fields = Parameters<typeof engineReady>[0];

/** A guest that was entered by an owner. */
function inGuest(owner: Owner, fields: Fields = {}): { core: FakeCore; engine: VmxEngine } {
  const made = engineReady(fields);
  made.engine.enter(true, owner);
  if (!made.engine.nonRoot) throw new Error('the entry failed');
  return made;
}

function exitWith(core: FakeCore, reason: number): void {
  core.u32[Word.exitReason] = reason;
}

describe('VmExit', () => {
  it('copies what the core reports into the exit-information fields', () => {
    const { core, engine } = inGuest(Owner.Code);
    const { u32 } = core;
    exitWith(core, 30);
    u32[Word.exitQualification] = 0x3f80008;
    u32[Word.exitQualification + 1] = 1;
    u32[Word.exitInstructionLength] = 2;
    u32[Word.exitInstructionInformation] = 0x1234;
    u32[Word.exitInterruptionInformation] = 0x80000b0e;
    u32[Word.exitInterruptionErrorCode] = 5;
    u32[Word.idtVectoringInformation] = 0x80000021;
    u32[Word.idtVectoringErrorCode] = 9;
    u32[Word.guestLinearAddress] = 0x1000;
    u32[Word.guestPhysicalAddress] = 0x2000;
    engine.leave();
    expect(readField(engine, 'ExitReason')).to.equal(30n);
    expect(readField(engine, 'ExitQualification')).to.equal(0x1_03f8_0008n);
    expect(readField(engine, 'VmExitInstructionLength')).to.equal(2n);
    expect(readField(engine, 'VmExitInstructionInformation')).to.equal(0x1234n);
    expect(readField(engine, 'VmExitInterruptionInformation')).to.equal(0x80000b0en);
    expect(readField(engine, 'VmExitInterruptionErrorCode')).to.equal(5n);
    expect(readField(engine, 'IdtVectoringInformation')).to.equal(0x80000021n);
    expect(readField(engine, 'IdtVectoringErrorCode')).to.equal(9n);
    expect(readField(engine, 'GuestLinearAddress')).to.equal(0x1000n);
    expect(readField(engine, 'GuestPhysicalAddress')).to.equal(0x2000n);
  });

  it('saves what the guest changed', () => {
    const { core, engine } = inGuest(Owner.Code);
    const { u32 } = core;
    u32[Word.rip] = 0x9000;
    u32[Word.cr3] = 0x30000;
    u32[Word.selectors] = 0x2b;
    u32[Word.limits + 4] = 0xfff;
    u32[Word.rights + 2] = 0xc0f3;
    u32[Word.bases + 10] = 0x77;
    u32[Word.interruptibility] = 8;
    u32[Word.activity] = 1;
    u32[Word.debugTraps] = 0x4001;
    writeFlags(u32, 0x3ed7);
    exitWith(core, 1);
    engine.leave();
    const saved = (
      ['GuestRip', 'GuestCr3', 'GuestEsSelector', 'GuestFsLimit', 'GuestSsAccessRights', 'GuestGsBase'] as const
    ).map((name) => readField(engine, name));
    expect(saved).to.deep.equal([0x9000n, 0x30000n, 0x2bn, 0xfffn, 0xc0f3n, 0x77n]);
    expect(readField(engine, 'GuestInterruptibilityState')).to.equal(8n);
    expect(readField(engine, 'GuestActivityState')).to.equal(1n);
    expect(readField(engine, 'GuestPendingDebugExceptions'), 'of an external interrupt').to.equal(0n);
    expect(readField(engine, 'GuestRflags')).to.equal(0x3ed7n);
  });

  describe('saves pending debug exceptions', () => {
    /** What an exit saves, and what the core keeps. Traps: B0 and BS wait, as the core has them. */
    function saved(reason: number, options: { shadow?: boolean; flags?: number; debugctl?: number; event?: number }) {
      const { core, engine } = inGuest(Owner.JavaScript);
      const { u32 } = core;
      u32[Word.debugTraps] = options.shadow === true ? 1 : 0x4001;
      u32[Word.interruptibility] = options.shadow === true ? 2 : 0;
      u32[Word.debugctl] = options.debugctl ?? 0;
      writeFlags(u32, options.flags ?? 2);
      u32[Word.exitInterruptionInformation] = options.event ?? 0;
      exitWith(core, reason);
      engine.leave();
      return [Number(readField(engine, 'GuestPendingDebugExceptions')), u32[Word.debugTraps]];
    }

    for (const reason of [
      ExitReason.InitSignal,
      ExitReason.OtherSmi,
      ExitReason.MonitorTrapFlag,
      ExitReason.TprBelowThreshold,
    ]) {
      it(`as they are: ${exitReasonName(reason)}`, () => {
        expect(saved(reason, {})).to.deep.equal([0x5001, 0x4001]);
      });
    }

    it('as 0 for all other exits, and the processor forgets them too', () => {
      for (const reason of [
        ExitReason.ExternalInterrupt,
        ExitReason.Cpuid,
        ExitReason.EptViolation,
        ExitReason.VmxPreemptionTimerExpired,
      ]) {
        expect(saved(reason, {}), exitReasonName(reason)).to.deep.equal([0, 0]);
      }
      expect(saved(0, { event: 0x80000301 }), 'a debug exception').to.deep.equal([0, 0]);
      expect(saved(0, { event: 0x80000b0e }), 'a page fault').to.deep.equal([0, 0]);
    });

    const [tf, btf] = [0x102, 2];
    const shadows: [string, Parameters<typeof saved>[1], number[]][] = [
      ['without a single-step', {}, [0x1001, 1]],
      ['with BS if TF is 1', { flags: tf }, [0x5001, 1]],
      ['without BS if BTF is 1 too', { flags: tf, debugctl: btf }, [0x1001, 1]],
      ['as 0 if the exit is a debug exception', { flags: tf, event: 0x80000301 }, [0, 0]],
      ['of INT1 likewise', { flags: tf, event: 0x80000501 }, [0, 0]],
      ['also if the exit is another exception', { flags: tf, event: 0x80000b0e }, [0x5001, 1]],
    ];
    for (const [what, options, expected] of shadows) {
      it(`that MOV SS holds back ${what}`, () => {
        const reason = options.event === undefined ? ExitReason.EptViolation : 0;
        expect(saved(reason, { ...options, shadow: true })).to.deep.equal(expected);
      });
    }

    it('that MOV SS holds back also at the end of a step by the monitor trap flag', () => {
      expect(saved(ExitReason.MonitorTrapFlag, { flags: tf, shadow: true })).to.deep.equal([0x5001, 1]);
    });
  });

  describe('and the entry after it count an instruction', () => {
    /** How many instructions an exit and the following entry count, if the VMM moves RIP by `by`. */
    function counted(reason: number, by: number, between: (engine: VmxEngine) => void = () => {}, event = 0): number {
      const { core, engine } = inGuest(Owner.JavaScript);
      const before = core.instructionCount;
      core.u32[Word.exitInterruptionInformation] = event;
      exitWith(core, reason);
      engine.leave();
      expect(core.instructionCount, 'the exit counts nothing').to.equal(before);
      writeField(engine, 'GuestRip', readField(engine, 'GuestRip') + BigInt(by));
      between(engine);
      engine.enter(false, Owner.JavaScript);
      expect(engine.nonRoot).to.equal(true);
      return core.instructionCount - before;
    }

    it('once, if the exit came at it and the VMM moved RIP', () => {
      expect(counted(ExitReason.Cpuid, 2)).to.equal(1);
      expect(counted(ExitReason.EptViolation, 3)).to.equal(1);
      expect(counted(0, 1, undefined, 0x80000603), 'INT3').to.equal(1);
    });

    it('not if RIP is where it was', () => {
      expect(counted(ExitReason.Cpuid, 0)).to.equal(0);
      expect(counted(ExitReason.EptViolation, 0)).to.equal(0);
    });

    it('not if the exit came between two instructions', () => {
      for (const reason of [ExitReason.ExternalInterrupt, ExitReason.MonitorTrapFlag, ExitReason.InterruptWindow]) {
        expect(counted(reason, 2), exitReasonName(reason)).to.equal(0);
      }
      expect(counted(0, 2, undefined, 0x80000202), 'an NMI').to.equal(0);
    });

    it('also if another VMCS was current in between', () => {
      const other = Region.Other;
      const visit = (engine: VmxEngine): void => {
        const { region } = engine.vmcs;
        engine.instructions.vmclear(other, 0);
        expect(engine.instructions.vmptrld(other, 0)).to.equal(VmxStatus.Succeed);
        expect(engine.instructions.vmptrld(region, 0)).to.equal(VmxStatus.Succeed);
      };
      expect(counted(ExitReason.Cpuid, 2, visit)).to.equal(1);
      expect(counted(ExitReason.Cpuid, 0, visit)).to.equal(0);
    });
  });

  it('saves RF as the kind of exit demands', () => {
    const rf = (reason: number, information: number, before: number, qualification = 0): bigint => {
      const { core, engine } = inGuest(Owner.Code);
      writeFlags(core.u32, before);
      core.u32[Word.exitInterruptionInformation] = information;
      core.u32[Word.exitQualification] = qualification;
      exitWith(core, reason);
      engine.leave();
      return readField(engine, 'GuestRflags') & 0x10000n;
    };
    expect(rf(10, 0, 0x10002), 'an instruction').to.equal(0n);
    expect(rf(0, 0x80000b0e, 2), 'a page fault').to.equal(0x10000n);
    expect(rf(0, 0x80000301, 2), 'a debug trap').to.equal(0n);
    expect(rf(0, 0x80000301, 2, 0x2000), 'general detect').to.equal(0x10000n);
    expect(rf(48, 0, 2), 'an EPT violation').to.equal(0x10000n);
    expect(rf(1, 0, 0x10002), 'an external interrupt').to.equal(0x10000n);
  });

  it('loads the host for x86 code: 64-bit segments, RFLAGS 2, DR7, limits', () => {
    const { core, engine } = inGuest(Owner.Code, {
      HostFsSelector: 0x20n,
      HostFsBase: 0x4444n,
      HostTrBase: 0x5555n,
      HostGdtrBase: 0x6666n,
    });
    const { u32 } = core;
    u32[Word.dr7] = 0x555;
    u32[Word.activity] = 1;
    u32[Word.interruptibility] = 3;
    writeFlags(u32, 0xed7);
    exitWith(core, 10);
    engine.leave();
    expect(engine.nonRoot).to.equal(false);
    expect(u32[Word.mode]).to.equal(1);
    expect([u32[Word.rip], u32[Word.rip + 1], u32[Word.rsp]]).to.deep.equal([0x1000, 0xffff8000, 0x2000]);
    expect(readFlags(u32)).to.equal(2);
    expect(u32[Word.cr3]).to.equal(0x20000);
    expect(u32[Word.dr7]).to.equal(0x400);
    expect(u32[Word.activity]).to.equal(0);
    expect(u32[Word.interruptibility]).to.equal(0);
    const rights = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => u32[Word.rights + i]!);
    expect(rights.map((value) => (value & 0x10000) !== 0)).to.deep.equal([
      true,
      false,
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
    expect([rights[1], rights[2], rights[7]]).to.deep.equal([0xa09b, 0xc093, 0x8b]);
    expect([u32[Word.bases + 8], u32[Word.bases + 14], u32[Word.gdtrBase]]).to.deep.equal([0x4444, 0x5555, 0x6666]);
    expect([u32[Word.limits + 7], u32[Word.gdtrLimit], u32[Word.idtrLimit]]).to.deep.equal([0x67, 0xffff, 0xffff]);
  });

  it('leaves the guest in the processor for a host in JavaScript, until something needs the host', () => {
    const { core, engine } = inGuest(Owner.JavaScript);
    exitWith(core, 10);
    engine.leave();
    expect(engine.exitPending).to.equal(true);
    expect(core.u32[Word.rip]).to.equal(0x7c00);
    engine.state.materializeHost();
    expect(core.u32[Word.cr3]).to.equal(0x20000);
    engine.enter(false, Owner.JavaScript);
    expect([core.u32[Word.cr3], core.u32[Word.rip], core.u32[Word.rights + 1]]).to.deep.equal([
      0x10000, 0x7c00, 0xa09b,
    ]);
  });

  it('does not leave it there if the exit would lose state: MSR areas, debug controls that are not saved', () => {
    for (const fields of [
      { VmExitControls: 0x36dfbn | 0x200n },
      { VmExitMsrStoreCount: 1n, VmExitMsrStoreAddress: BigInt(Region.MsrStore) },
    ]) {
      const { core, engine } = inGuest(Owner.JavaScript, fields);
      core.msrs.set(0, 0n);
      exitWith(core, 10);
      engine.leave();
      expect(core.u32[Word.cr3]).to.equal(0x20000);
    }
  });

  it('clears the valid bit of the event that was injected', () => {
    const { core, engine } = inGuest(Owner.Code, { VmEntryInterruptionInformationField: 0x80000306n });
    exitWith(core, 10);
    engine.leave();
    expect(readField(engine, 'VmEntryInterruptionInformationField')).to.equal(0x306n);
  });

  it('stores the mode of the guest in "IA-32e mode guest"', () => {
    const { core, engine } = inGuest(Owner.Code);
    core.u32[Word.efer] = 0x100;
    exitWith(core, 28);
    engine.leave();
    expect(readField(engine, 'VmEntryControls') & 0x200n).to.equal(0n);
  });

  it('acknowledges the interrupt on exit if the controls say so', () => {
    const { core, engine } = inGuest(Owner.Code, { VmExitControls: 0x36dffn | 0x8200n });
    core.interrupt = 0x31;
    exitWith(core, 1);
    engine.leave();
    expect(readField(engine, 'VmExitInterruptionInformation')).to.equal(0x80000031n);
  });

  it('saves what is left of the preemption timer', () => {
    const { core, engine } = inGuest(Owner.Code, {
      PinBasedVmExecutionControls: 0x56n,
      VmxPreemptionTimerValue: 100n,
      VmExitControls: 0x36dffn | 0x400200n,
    });
    core.u32[Word.instructions] = core.u32[Word.instructions]! + 30 * 2 ** timerRate;
    exitWith(core, 10);
    engine.leave();
    expect(readField(engine, 'VmxPreemptionTimerValue')).to.equal(70n);
  });

  it('stores and loads the MSR areas', () => {
    const { core, engine } = inGuest(Owner.Code, {
      VmExitMsrStoreAddress: BigInt(Region.MsrStore),
      VmExitMsrStoreCount: 1n,
      VmExitMsrLoadAddress: BigInt(Region.MsrLoad),
      VmExitMsrLoadCount: 1n,
    });
    core.msrs.set(0xc0000081, 0x1234n);
    core.u32[core.physicalOffset(Region.MsrStore) >>> 2] = 0xc0000081;
    core.u32.set([0xc0000081, 0, 0x99, 0], core.physicalOffset(Region.MsrLoad) >>> 2);
    exitWith(core, 10);
    expect(engine.leave()).to.equal(VmxAbort.None);
    expect(core.u32[(core.physicalOffset(Region.MsrStore) >>> 2) + 2]).to.equal(0x1234);
    expect(core.msrs.get(0xc0000081)).to.equal(0x99n);
  });

  it('ends in a VMX abort, with the indicator in the region, when an MSR area cannot be served', () => {
    for (const [fields, code] of [
      [{ VmExitMsrStoreAddress: BigInt(Region.MsrStore), VmExitMsrStoreCount: 1n }, VmxAbort.SavingMsrs],
      [{ VmExitMsrLoadAddress: BigInt(Region.MsrLoad), VmExitMsrLoadCount: 1n }, VmxAbort.LoadingMsrs],
    ] as const) {
      const { core, engine } = inGuest(Owner.Code, fields);
      core.u32[core.physicalOffset(Region.MsrStore) >>> 2] = 0x999;
      core.u32[core.physicalOffset(Region.MsrLoad) >>> 2] = 0x999;
      exitWith(core, 10);
      expect(engine.leave()).to.equal(code);
      expect(core.u32[(core.physicalOffset(Region.Vmcs) >>> 2) + 1]).to.equal(code);
    }
  });

  it('blocks NMIs of the host after an NMI, not after an exception', () => {
    for (const [information, blocked] of [
      [0x80000202, 8],
      [0x80000306, 0],
    ]) {
      const { core, engine } = inGuest(Owner.Code);
      core.u32[Word.exitInterruptionInformation] = information!;
      exitWith(core, 0);
      engine.leave();
      expect(core.u32[Word.interruptibility]).to.equal(blocked);
    }
  });

  it('leaves blocking by NMI as it was, except that virtual-NMI blocking stays with the guest', () => {
    for (const [pin, blocked] of [
      [0x16n, 8],
      [0x1en, 8],
      [0x3en, 0],
    ] as const) {
      const { core, engine } = inGuest(Owner.Code, {
        PinBasedVmExecutionControls: pin,
        GuestInterruptibilityState: 8n,
      });
      exitWith(core, ExitReason.Cpuid);
      engine.leave();
      expect(readField(engine, 'GuestInterruptibilityState')).to.equal(8n);
      expect(core.u32[Word.interruptibility], `pin controls ${pin}`).to.equal(blocked);
    }
  });

  it('keeps VMREAD right after a VMWRITE of a field that the next exit saves', () => {
    const { core, engine } = inGuest(Owner.JavaScript);
    exitWith(core, 10);
    engine.leave();
    writeField(engine, 'GuestRsp', 0x7000n);
    expect(readField(engine, 'GuestRsp')).to.equal(0x7000n);
    engine.enter(false, Owner.JavaScript);
    exitWith(core, 10);
    engine.leave();
    expect(readField(engine, 'GuestRsp')).to.equal(0x7000n);
  });
});
