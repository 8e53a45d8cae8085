// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../../src/intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Sizes } from '../../../../src/machine/layout/regions.js';
import type { VmxEngine } from '../../../../src/machine/vmx/vmx_engine.js';
import { vmcsRevision } from '../../../../src/machine/vmx/vmcs/vmcs.js';
import { Owner } from '../../../../src/machine/vmx/vmx_state.js';
import { VmxStatus } from '../../../../src/machine/vmx/instructions/vmx_status.js';
import { Word } from '../../../../src/machine/vmx/words.js';
import { engineInRoot, engineReady, readField, Region, writeField } from '../vmcs_setup.js';

/** Expects VMfailValid with a number. */
function expectError(engine: VmxEngine, status: VmxStatus, error: number): void {
  expect(status).to.equal(VmxStatus.FailValid);
  expect(readField(engine, 'VmInstructionError')).to.equal(BigInt(error));
}

describe('VmInstructions', () => {
  describe('.vmxon', () => {
    const outside = (): ReturnType<typeof engineInRoot> => {
      const made = engineInRoot();
      made.engine.instructions.vmxoff();
      return made;
    };

    it('is #UD without CR4.VMXE', () => {
      const { core, engine } = outside();
      core.u32[Word.cr4] = 0x20;
      expect(engine.instructions.vmxon(Region.Vmxon, 0)).to.equal(VmxStatus.UndefinedOpcode);
    });
    it('is #GP at CPL 3, without CR0.NE, and while IA32_FEATURE_CONTROL is not locked with VMX outside SMX', () => {
      for (const [word, value] of [
        [Word.cpl, 3],
        [Word.cr0, 0x80000011],
        [Word.featureControl, 4],
        [Word.featureControl, 1],
      ] as const) {
        const { core, engine } = outside();
        core.u32[word] = value;
        expect(engine.instructions.vmxon(Region.Vmxon, 0), `${word}`).to.equal(VmxStatus.GeneralProtection);
      }
    });
    it('is VMfailInvalid for an unaligned region, one beyond the physical width, a wrong revision, a region without memory', () => {
      const { core, engine } = outside();
      expect(engine.instructions.vmxon(Region.Vmxon + 8, 0)).to.equal(VmxStatus.FailInvalid);
      expect(engine.instructions.vmxon(Region.Vmxon, 0x80)).to.equal(VmxStatus.FailInvalid);
      expect(engine.instructions.vmxon(0xf0000000, 0)).to.equal(VmxStatus.FailInvalid);
      core.u32[core.physicalOffset(Region.Vmxon) >>> 2] = vmcsRevision | 0x80000000;
      expect(engine.instructions.vmxon(Region.Vmxon, 0)).to.equal(VmxStatus.FailInvalid);
    });
    it('is error 15 in root operation, VMfailInvalid there without a current VMCS', () => {
      const { engine } = engineInRoot();
      expectError(engine, engine.instructions.vmxon(Region.Other, 0), 15);
      engine.instructions.vmclear(Region.Vmcs, 0);
      expect(engine.instructions.vmxon(Region.Other, 0)).to.equal(VmxStatus.FailInvalid);
    });
    it("keeps hypervisors in x86 code out of the VMM's memory until VMXOFF, and lets a VMM in JavaScript use it", () => {
      const { core, engine } = outside();
      const { instructions } = engine;
      const parts = (): number => core.block.get('CARVE_OUT_STRUCTURES');
      const [own, other] = [Sizes.CARVE_OUT_GIB * 2 ** 30, Sizes.CARVE_OUT_GIB * 2 ** 30 + 0x1000];
      const words = core.u32.subarray(core.physicalOffset(other) >>> 2, (core.physicalOffset(other) + 0x1000) >>> 2);
      for (const region of [own, other]) core.u32[core.physicalOffset(region) >>> 2] = vmcsRevision;
      const at = (region: number): [number, number] => [region % 2 ** 32, Math.floor(region / 2 ** 32)];
      expect(instructions.vmxon(...at(own), Owner.Code)).to.equal(VmxStatus.FailInvalid);
      expect(instructions.vmxon(Region.Vmxon, 0, Owner.Code)).to.equal(VmxStatus.Succeed);
      expect(instructions.vmptrld(...at(other))).to.equal(VmxStatus.FailInvalid);
      words.fill(0x55, 1);
      expect(instructions.vmclear(...at(other)), 'it clears nothing').to.equal(VmxStatus.Succeed);
      expect([...words.subarray(1)].every((word) => word === 0x55)).to.equal(true);
      instructions.vmxoff();
      expect(instructions.vmxon(...at(own), Owner.JavaScript)).to.equal(VmxStatus.Succeed);
      expect(parts()).to.equal(Constants.CARVE_OUT_VMM);
      expect(instructions.vmptrld(...at(other))).to.equal(VmxStatus.Succeed);
      instructions.vmxoff();
      expect(parts()).to.equal(0);
      expect(instructions.vmxon(...at(own + 8), Owner.JavaScript)).to.equal(VmxStatus.FailInvalid);
      expect(parts(), 'after a VMXON that failed').to.equal(0);
    });
    it('leaves no VMCS current and puts the core into root operation', () => {
      const { core, engine } = engineInRoot();
      engine.instructions.vmxoff();
      expect(engine.instructions.vmxon(Region.Vmxon, 0)).to.equal(VmxStatus.Succeed);
      expect(core.u32[Word.mode]).to.equal(1);
      expect([core.u32[Word.currentVmcs], core.u32[Word.currentVmcs + 1]]).to.deep.equal([0xffffffff, 0xffffffff]);
    });
  });

  describe('.vmclear', () => {
    it('is error 2 for a bad address and error 3 for the VMXON region', () => {
      const { engine } = engineInRoot();
      expectError(engine, engine.instructions.vmclear(Region.Vmcs + 1, 0), 2);
      expectError(engine, engine.instructions.vmclear(Region.Vmcs, 0x80), 2);
      expectError(engine, engine.instructions.vmclear(Region.Vmxon, 0), 3);
    });
    it('makes the current VMCS clear and not current', () => {
      const { engine } = engineReady();
      engine.vmcs.launchedIn = engine.instructions.session;
      engine.instructions.vmclear(Region.Vmcs, 0);
      expect(engine.vmcs.region).to.equal(-1);
      engine.instructions.vmptrld(Region.Vmcs, 0);
      expect(engine.vmcs.launchedIn).to.equal(0);
    });
    it('makes another VMCS clear and leaves the current one alone', () => {
      const { engine } = engineReady();
      engine.vmcs.launchedIn = engine.instructions.session;
      engine.instructions.vmptrld(Region.Other, 0);
      engine.instructions.vmclear(Region.Vmcs, 0);
      expect(engine.vmcs.region).to.equal(Region.Other);
      engine.instructions.vmptrld(Region.Vmcs, 0);
      expect(engine.vmcs.launchedIn).to.equal(0);
    });
  });

  describe('.vmptrld', () => {
    it('is error 9, 10 or 11 for a bad address, the VMXON region, a wrong revision', () => {
      const { core, engine } = engineInRoot();
      expectError(engine, engine.instructions.vmptrld(0x2010, 0), 9);
      expectError(engine, engine.instructions.vmptrld(Region.Vmxon, 0), 10);
      core.u32[core.physicalOffset(Region.Other) >>> 2] = vmcsRevision + 1;
      expectError(engine, engine.instructions.vmptrld(Region.Other, 0), 11);
    });
    it('writes the former VMCS back, so that each keeps its fields', () => {
      const { engine } = engineInRoot();
      writeField(engine, 'GuestRip', 0xffff_8000_1234_5678n);
      engine.instructions.vmptrld(Region.Other, 0);
      expect(readField(engine, 'GuestRip')).to.equal(0n);
      writeField(engine, 'GuestRip', 1n);
      engine.instructions.vmptrld(Region.Vmcs, 0);
      expect(readField(engine, 'GuestRip')).to.equal(0xffff_8000_1234_5678n);
    });
  });

  describe('.vmread and .vmwrite', () => {
    it('are VMfailInvalid without a current VMCS', () => {
      const { engine } = engineInRoot();
      engine.instructions.vmclear(Region.Vmcs, 0);
      expect(engine.instructions.vmread(VmcsField.GuestRip, 0)).to.equal(-1);
      expect(engine.instructions.lastFailure).to.equal(VmxStatus.FailInvalid);
      expect(writeField(engine, 'GuestRip', 1n)).to.equal(VmxStatus.FailInvalid);
    });
    it('are error 12 for a field that does not exist, also if only bits 63:32 of the encoding are wrong', () => {
      const { engine } = engineInRoot();
      expect(engine.instructions.vmread(VmcsField.EptpIndex, 0)).to.equal(-1);
      expectError(engine, engine.instructions.lastFailure, 12);
      expect(engine.instructions.vmread(VmcsField.GuestRip, 1)).to.equal(-1);
      expectError(engine, engine.instructions.vmwrite(VmcsField.GuestRip, 1, 0, 0), 12);
    });
    it('are error 13 for a write to exit information', () => {
      const { engine } = engineInRoot();
      expectError(engine, writeField(engine, 'ExitReason', 1n), 13);
    });
    it('cut values to the width of the field', () => {
      const { engine } = engineInRoot();
      for (const [name, width] of [
        ['GuestCsSelector', 16],
        ['ExceptionBitmap', 32],
        ['TscOffset', 64],
        ['GuestRsp', 64],
      ] as const) {
        writeField(engine, name, 0xfedc_ba98_7654_3210n);
        expect(readField(engine, name), name).to.equal(0xfedc_ba98_7654_3210n & ((1n << BigInt(width)) - 1n));
      }
    });
    it('access the halves of a 64-bit field apart', () => {
      const { engine } = engineInRoot();
      writeField(engine, 'TscOffset', 0x1111_1111_2222_2222n);
      engine.instructions.vmwrite(VmcsField.TscOffset | 1, 0, 0x33333333, 0x99999999);
      expect(readField(engine, 'TscOffset')).to.equal(0x3333_3333_2222_2222n);
    });
  });

  describe('VMLAUNCH and VMRESUME', () => {
    it('are VMfailInvalid without a current VMCS', () => {
      const { engine } = engineInRoot();
      engine.instructions.vmclear(Region.Vmcs, 0);
      expect(engine.enter(true, Owner.Code)).to.equal(VmxStatus.FailInvalid);
    });
    it('are error 4, 5, 6, 26 by launch state, session and MOV SS blocking', () => {
      const { core, engine } = engineReady();
      expectError(engine, engine.enter(false, Owner.Code), 5);
      engine.vmcs.launchedIn = engine.instructions.session;
      expectError(engine, engine.enter(true, Owner.Code), 4);
      engine.instructions.vmxoff();
      engine.instructions.vmxon(Region.Vmxon, 0);
      engine.instructions.vmptrld(Region.Vmcs, 0);
      expectError(engine, engine.enter(false, Owner.Code), 6);
      core.u32[Word.interruptibility] = 2;
      expectError(engine, engine.enter(true, Owner.Code), 26);
    });
    it('are error 7 for a bad control and error 8 for bad host state, whatever later check would fail too', () => {
      const { engine } = engineReady({ Cr3TargetCount: 5n, HostCr4: 0n, GuestRflags: 0n });
      expectError(engine, engine.enter(true, Owner.Code), 7);
      writeField(engine, 'Cr3TargetCount', 0n);
      expectError(engine, engine.enter(true, Owner.Code), 8);
    });
  });

  it('knows error 1 for VMCALL in root operation', () => {
    const { engine } = engineInRoot();
    expectError(engine, engine.instructions.vmcallInRoot(), 1);
  });

  describe('.invept and .invvpid', () => {
    it('are error 28 for types and descriptors that the SDM refuses', () => {
      const { engine } = engineInRoot();
      const { instructions } = engine;
      for (const status of [
        instructions.invept(0, 0, 0x1e, 0, true),
        instructions.invept(3, 0, 0x1e, 0, true),
        instructions.invept(1, 1, 0x1e, 0, true),
        instructions.invept(1, 0, 0, 0, false),
        instructions.invvpid(4, 0, 1, 0, true),
        instructions.invvpid(0, 0, 1, 0, false),
        instructions.invvpid(1, 0, 0, 0, true),
        instructions.invvpid(3, 0, 0, 0, true),
        instructions.invvpid(1, 0, 0x10001, 0, true),
        instructions.invvpid(2, 0, 1, 1, true),
      ]) {
        expectError(engine, status, 28);
        engine.vmcs.report(0, 0, 0);
      }
    });
    it('make the core forget translations of guests', () => {
      const { core, engine } = engineInRoot();
      core.calls.length = 0;
      expect(engine.instructions.invept(2, 0, 0, 0, false)).to.equal(VmxStatus.Succeed);
      expect(engine.instructions.invvpid(2, 0, 0, 0, true)).to.equal(VmxStatus.Succeed);
      expect(core.calls.filter((call) => call !== 'stateLoaded')).to.deep.equal(['flushGuestTlb', 'flushGuestTlb']);
    });
  });
});
