// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { EntryControl, SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { GuestHostMasks } from '../../../src/vmm/owners/owners.js';
import { captureOutput } from '../capture_output.js';
import { startedVmm } from '../started_vmm.js';

const generalProtection = 0x80000b0dn;
const rip = 0x401000n;

const asker = { name: 'asker' };

/** The VMM, and the owner of the masks as an extension has it. */
function vmmWithMasks() {
  let masks!: GuestHostMasks;
  @injectable()
  class Asker implements VmcsContribution {
    @inject(GuestHostMasks) readonly guestHostMasks!: GuestHostMasks;
    readonly name = 'asker';
    setUp(): void {
      masks = this.guestHostMasks;
    }
  }
  const { machine } = startedVmm([vcpuModule(({ bind }) => bind(VmcsContribution).to(Asker))]);
  return { machine, masks };
}

function guest() {
  const { machine, masks } = vmmWithMasks();
  const set = (encoding: number, value: bigint): unknown => machine.fields.set(encoding, value);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  set(VmcsField.GuestRip, rip);
  /** An access: register, type 0 MOV to, 1 MOV from, 2 CLTS, 3 LMSW; the operand's register and value. */
  const access = (register: number, type: number, operand = 0, value = 0n, lmsw = 0): void => {
    if (operand === 4) set(VmcsField.GuestRsp, value);
    else machine.generalRegisters.values[operand] = value;
    machine.exit(ExitReason.ControlRegisterAccesses, {
      length: 3,
      qualification: BigInt(register | (type << 4) | (operand << 8) | (lmsw << 16)),
    });
  };
  const gotFault = (): boolean => field(VmcsField.VmEntryInterruptionInformationField) === generalProtection;
  return { machine, masks, set, field, access, gotFault };
}

/** The same without long mode: 32-bit code. */
function legacyGuest(efer = 0n) {
  const all = guest();
  all.set(VmcsField.GuestIa32Efer, efer);
  all.set(VmcsField.GuestCsAccessRights, 0xc09bn);
  all.set(VmcsField.GuestCr0, 0x31n);
  all.set(VmcsField.GuestCr4, 0x2020n);
  all.set(VmcsField.VmEntryControls, 0n);
  return all;
}

describe('control-register accesses', () => {
  describe('MOV to CR4', () => {
    it('gives the guest what it wrote to see, and keeps VMXE in the register', () => {
      const { access, field } = guest();
      access(4, 0, 3, 0x6a0n);
      expect(field(VmcsField.GuestCr4)).to.equal(0x26a0n);
      expect(field(VmcsField.Cr4ReadShadow)).to.equal(0x6a0n);
      access(4, 0, 3, 0x620n);
      expect(field(VmcsField.GuestCr4)).to.equal(0x2620n);
      expect(field(VmcsField.Cr4ReadShadow)).to.equal(0x620n);
      expect(field(VmcsField.GuestRip)).to.equal(rip + 6n);
    });

    it('loads the PDPTEs of a guest that pages with PAE, and of no other', () => {
      const pdpte0 = (cr0: bigint, value: bigint): bigint => {
        const { access, set, field, machine } = legacyGuest();
        set(VmcsField.GuestCr0, cr0);
        set(VmcsField.GuestCr3, 0x30020n);
        machine.memory.writePhysical64(0x30020n, 0x1001n);
        access(4, 0, 0, value);
        return field(VmcsField.GuestPdpte0);
      };
      expect(pdpte0(0x80000031n, 0xa0n), 'paging, PAE').to.equal(0x1001n);
      expect(pdpte0(0x80000031n, 0x620n), 'no bit of paging changes').to.equal(0n);
      expect(pdpte0(0x80000031n, 0x80n), 'paging, no PAE').to.equal(0n);
      expect(pdpte0(0x31n, 0xa0n), 'no paging').to.equal(0n);
    });

    const faults: [string, bigint, () => ReturnType<typeof guest>][] = [
      ['with a bit that the processor lacks', 0x80000620n, guest],
      ['with VMXE, which is hidden', 0x2620n, guest],
      ['without PAE in long mode', 0x600n, guest],
      ['with PCIDE outside long mode', 0x20020n, legacyGuest],
    ];
    for (const [what, value, make] of faults) {
      it(`is #GP ${what}`, () => {
        const { access, field, gotFault } = make();
        access(4, 0, 0, value);
        expect(gotFault()).to.equal(true);
        expect(field(VmcsField.GuestRip)).to.equal(rip);
      });
    }
  });

  describe('MOV to CR0', () => {
    it('keeps NE in the register and shows the guest its own', () => {
      const { access, field } = guest();
      access(0, 0, 0, 0x80050013n);
      expect(field(VmcsField.GuestCr0)).to.equal(0x80050033n);
      expect(field(VmcsField.Cr0ReadShadow)).to.equal(0x80050013n);
    });

    for (const value of [0x1_80050033n, 0x80000030n, 0x20000031n]) {
      it(`is #GP for 0x${value.toString(16)}`, () => {
        const { access, gotFault } = guest();
        access(0, 0, 0, value);
        expect(gotFault()).to.equal(true);
      });
    }

    it('that turns paging on enters long mode if EFER.LME is set', () => {
      const { access, field } = legacyGuest(0x100n);
      access(0, 0, 0, 0x80000011n);
      expect(field(VmcsField.GuestCr0)).to.equal(0x80000031n);
      expect(field(VmcsField.GuestIa32Efer)).to.equal(0x500n);
      expect(field(VmcsField.VmEntryControls) & BigInt(EntryControl.Ia32eModeGuest)).to.equal(
        BigInt(EntryControl.Ia32eModeGuest),
      );
      access(0, 0, 0, 0x11n);
      expect(field(VmcsField.GuestIa32Efer)).to.equal(0x100n);
      expect(field(VmcsField.VmEntryControls) & BigInt(EntryControl.Ia32eModeGuest)).to.equal(0n);
    });

    it('that turns paging on with LME and without PAE is #GP', () => {
      const { access, set, gotFault } = legacyGuest(0x100n);
      set(VmcsField.GuestCr4, 0x2000n);
      access(0, 0, 0, 0x80000011n);
      expect(gotFault()).to.equal(true);
    });

    it('that turns paging off in 64-bit code is #GP', () => {
      const { access, gotFault } = guest();
      access(0, 0, 0, 0x50013n);
      expect(gotFault()).to.equal(true);
    });

    it('that turns PAE paging on loads the PDPTEs, as EPT wants them', () => {
      const { access, set, field, machine } = legacyGuest();
      set(VmcsField.GuestCr3, 0x30020n);
      for (let index = 0; index < 4; index++)
        machine.memory.writePhysical64(0x30020n + BigInt(8 * index), BigInt(0x1000 * (index + 1)) | 1n);
      access(0, 0, 0, 0x80000011n);
      expect([0, 2, 4, 6].map((offset) => field(VmcsField.GuestPdpte0 + offset))).to.deep.equal([
        0x1001n,
        0x2001n,
        0x3001n,
        0x4001n,
      ]);
    });

    it('that leaves protected mode takes unrestricted guest: without it the guest gets #GP, and the log says why, once', () => {
      const { access, set, machine, field } = legacyGuest();
      set(VmcsField.SecondaryProcessorBasedVmExecutionControls, 0n);
      const text = captureOutput(() => {
        access(0, 0, 0, 0x10n);
        access(0, 0, 0, 0x10n);
      });
      expect(machine.stops).to.deep.equal([]);
      expect(field(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000b0dn);
      expect(text.match(/clears CR0\.PE, which VMX operation allows only with "unrestricted guest"/g)).to.have.length(
        1,
      );
    });
  });

  describe('bits that an extension asked for', () => {
    const osxsave = 1n << 18n;
    const writeProtect = 1n << 16n;
    const taskSwitched = 8n;

    it('take effect if they are only watched, in CR4 and in CR0', () => {
      const { masks, access, field } = guest();
      masks.watch(asker, 'cr4', osxsave);
      access(4, 0, 3, 0x620n | osxsave);
      expect(field(VmcsField.GuestCr4)).to.equal(0x2620n | osxsave);
      expect(field(VmcsField.Cr4ReadShadow)).to.equal(0x620n | osxsave);
      masks.watch(asker, 'cr0', writeProtect);
      access(0, 0, 0, 0x80040013n);
      expect(field(VmcsField.GuestCr0)).to.equal(0x80040033n);
      expect(field(VmcsField.Cr0ReadShadow)).to.equal(0x80040013n);
    });

    it('stay as they are if somebody hides them, watched or not', () => {
      const { masks, access, field } = guest();
      masks.watch(asker, 'cr4', osxsave);
      masks.hide(asker, 'cr4', osxsave);
      access(4, 0, 3, 0x620n | osxsave);
      expect(field(VmcsField.GuestCr4)).to.equal(0x2620n);
      expect(field(VmcsField.Cr4ReadShadow)).to.equal(0x620n | osxsave);
    });

    it('are shown as the processor holds them: CR0.ET is always 1', () => {
      const { masks, access, field } = guest();
      masks.watch(asker, 'cr0', 0x10n);
      access(0, 0, 0, 0x80050003n);
      expect(field(VmcsField.Cr0ReadShadow)).to.equal(0x80050013n);
    });

    it('are those that CLTS and LMSW see and change', () => {
      const { masks, access, field, set } = guest();
      set(VmcsField.GuestCr0, 0x8005003bn);
      masks.watch(asker, 'cr0', taskSwitched);
      access(0, 2);
      expect(field(VmcsField.GuestCr0)).to.equal(0x80050033n);
      masks.hide(asker, 'cr0', taskSwitched);
      access(0, 3, 0, 0n, 0xe);
      expect(field(VmcsField.GuestCr0), 'TS is hidden: it stays 0').to.equal(0x80050037n);
      expect(masks.view('cr0') & 0xfn).to.equal(0xfn);
    });

    it('are reset by INIT: watched bits go, hidden bits stay', () => {
      const { masks, machine, field } = guest();
      masks.watch(asker, 'cr0', writeProtect);
      masks.watch(asker, 'cr4', 0x20n);
      masks.hide(asker, 'cr4', 0x200n);
      machine.exit(ExitReason.InitSignal);
      expect(machine.stops).to.deep.equal([]);
      expect(field(VmcsField.GuestCr0)).to.equal(0x30n);
      expect(field(VmcsField.GuestCr4)).to.equal(0x2200n);
      expect([masks.view('cr0'), masks.view('cr4')]).to.deep.equal([0x10n, 0n]);
    });
  });

  describe('CR3 and CR8, where an extension traps them', () => {
    it('are written and read; bit 63 of CR3 is not part of the address', () => {
      const { access, set, field, machine } = guest();
      set(VmcsField.GuestCr4, 0x22620n);
      access(3, 0, 4, 0x80000000_0000a001n);
      expect(field(VmcsField.GuestCr3)).to.equal(0xa001n);
      access(3, 1, 4);
      expect(field(VmcsField.GuestRsp)).to.equal(0xa001n);
      access(8, 0, 1, 5n);
      expect(machine.registers.cr8).to.equal(5n);
      access(8, 1, 2);
      expect(machine.generalRegisters.values[2]).to.equal(5n);
    });

    it('is #GP for CR3 beyond the physical-address width, and for bit 63 without PCIDE', () => {
      for (const value of [1n << 63n, 1n << 39n, 1n << 52n]) {
        const { access, field, gotFault } = guest();
        const before = field(VmcsField.GuestCr3);
        access(3, 0, 1, value);
        expect(gotFault(), value.toString(16)).to.equal(true);
        expect([field(VmcsField.GuestCr3), field(VmcsField.GuestRip)]).to.deep.equal([before, rip]);
      }
    });

    it('has operands of 32 bits outside 64-bit mode', () => {
      const { access, field, machine } = legacyGuest();
      access(3, 0, 1, 0xffffffff_0000a000n);
      expect(field(VmcsField.GuestCr3)).to.equal(0xa000n);
      access(3, 1, 1);
      expect(machine.generalRegisters.values[1]).to.equal(0xa000n);
    });

    it('is #GP for PDPTEs with a reserved bit, in the VMM’s memory, or without memory, and changes nothing', () => {
      for (const table of [0x40000n, 0x5000n]) {
        const { access, set, field, machine, gotFault } = legacyGuest();
        set(VmcsField.GuestCr0, 0x80000031n);
        set(VmcsField.SecondaryProcessorBasedVmExecutionControls, BigInt(SecondaryControl.EnableEpt));
        machine.memory.writePhysical64(0x40000n, 0x5001n);
        machine.memory.writePhysical64(0x40018n, 0x5003n);
        // The VMM's memory is where CR3 can point to.
        const own = { ...machine.memory.regions[0]!, physical: 0x5000n };
        if (table === 0x5000n) Object.assign(machine.memory, { regions: [own] });
        access(3, 0, 1, table);
        expect(gotFault()).to.equal(true);
        expect([field(VmcsField.GuestPdpte0), field(VmcsField.GuestRip)]).to.deep.equal([0n, rip]);
      }
    });

    it('load PDPTEs with CR3 under PAE paging, but only with EPT', () => {
      for (const [secondary, expected] of [
        [BigInt(SecondaryControl.EnableEpt), 0x5001n],
        [0n, 0n],
      ] as const) {
        const { access, set, field, machine } = legacyGuest();
        set(VmcsField.GuestCr0, 0x80000031n);
        set(VmcsField.SecondaryProcessorBasedVmExecutionControls, secondary);
        machine.memory.writePhysical64(0x40000n, 0x5001n);
        access(3, 0, 0, 0x40000n);
        expect(field(VmcsField.GuestPdpte0)).to.equal(expected);
      }
    });
  });

  describe('CLTS and LMSW', () => {
    it('clear TS', () => {
      const { access, field, set } = guest();
      set(VmcsField.GuestCr0, 0x8005003bn);
      access(0, 2);
      expect(field(VmcsField.GuestCr0)).to.equal(0x80050033n);
    });

    it('write the lowest four bits, and cannot clear PE', () => {
      const { access, field } = guest();
      access(0, 3, 0, 0n, 0xe);
      expect(field(VmcsField.GuestCr0)).to.equal(0x8005003fn);
      access(0, 3, 0, 0n, 0);
      expect(field(VmcsField.GuestCr0)).to.equal(0x80050031n);
    });
  });
});
