// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  EntryControl,
  ExitControl,
  PrimaryControl,
  SecondaryControl,
} from '../../../src/intrinsics/vmx/control_bits.js';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { explainEntry } from '../../../src/intrinsics/rules/explain_entry.js';
import { vmcsFieldDefinition } from '../../../src/intrinsics/vmcs/vmcs_field_details.js';
import { VmcsField, widthOfField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import {
  ContributionError,
  EntryError,
  OutOfMemoryError,
  VmcsError,
  VmEntryError,
  VmxError,
} from '../../../src/vmm/errors.js';
import { MemoryManager } from '../../../src/vmm/memory_manager/memory_manager.js';
import { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { VmcsIntelX64 } from '../../../src/vmm/vmcs/vmcs_intel_x64.js';
import { GuestStateIntelX64 } from '../../../src/vmm/vmm_state/guest_state_intel_x64.js';
import { GuestState } from '../../../src/vmm/vmm_state/vmcs_state.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { validVmcs } from '../../support/valid_vmcs.js';
import { captureOutput } from '../capture_output.js';
import { loadedVmm, startedVmm } from '../started_vmm.js';

const contribute = (...contributions: VmcsContribution[]): PartModule =>
  vcpuModule(({ bind }) => contributions.forEach((each) => bind(VmcsContribution).toConstantValue(each)));

function field(machine: FakeMachine, encoding: number): bigint {
  return machine.fields.get(encoding) ?? 0n;
}

function causeOf(act: () => void): Error {
  let thrown: unknown;
  captureOutput(() => {
    try {
      act();
    } catch (error) {
      thrown = error;
    }
  });
  expect(thrown).to.be.instanceOf(EntryError);
  return (thrown as EntryError).causedBy as Error;
}

describe('VmcsIntelX64', () => {
  describe('.launch', () => {
    it('clears and loads a region with the revision id, then launches', () => {
      const { machine } = startedVmm();
      expect(machine.calls.filter((call) => call.startsWith('vm'))).to.deep.equal([
        'vmxon',
        'vmclear',
        'vmptrld',
        'vmlaunch',
      ]);
      expect(machine.memory.readPhysical64(machine.current!)).to.equal(4n);
    });

    it('fills a VMCS that breaks no rule of the manual', () => {
      const { machine } = startedVmm();
      const reader = validVmcs();
      reader.fields.clear();
      for (const [encoding, value] of machine.fields) reader.set(encoding, value);
      for (const [msr, value] of machine.msr) reader.capabilities.set(msr, value);
      reader.physicalAddressWidth = 39;
      expect(explainEntry(reader).map(({ rule }) => rule.name)).to.deep.equal([]);
    });

    it('makes the running system the guest, which goes on at the launch point', () => {
      const { machine } = startedVmm();
      expect(field(machine, VmcsField.GuestRip)).to.equal(0x7000n);
      expect(field(machine, VmcsField.GuestRsp)).to.equal(0x8ff8n);
      expect(field(machine, VmcsField.GuestCr3)).to.equal(0x9000n);
      expect(field(machine, VmcsField.GuestCsSelector)).to.equal(0x10n);
      expect(field(machine, VmcsField.GuestTrBase)).to.equal(0xffff888000004000n);
      expect(field(machine, VmcsField.VmcsLinkPointer)).to.equal(0xffffffffffffffffn);
    });

    it('hides the bits that VMX fixes: the guest sees CR4 without VMXE, and owns the rest', () => {
      const { machine } = startedVmm();
      expect(field(machine, VmcsField.GuestCr4)).to.equal(0x26b0n);
      expect(field(machine, VmcsField.Cr4GuestHostMask)).to.equal(0x2000n);
      expect(field(machine, VmcsField.Cr4ReadShadow)).to.equal(0x6b0n);
      expect(field(machine, VmcsField.Cr0GuestHostMask)).to.equal(0x20n);
    });

    it('sets the host to the VMM: its table, its stack, its exit entry, GS at the state-save page', () => {
      const { machine, vmm } = startedVmm();
      const manager = vmm.container.get(MemoryManager);
      expect(field(machine, VmcsField.HostRip)).to.equal(0xffff800000001000n);
      expect(field(machine, VmcsField.HostCr3) & ~0xfffn).to.equal(machine.memory.root);
      expect(manager.size(field(machine, VmcsField.HostGsBase))).to.equal(4096);
      expect(manager.size(field(machine, VmcsField.HostRsp) - 65536n)).to.equal(65536);
      expect(field(machine, VmcsField.HostTrSelector)).to.equal(0x28n);
    });

    it('enables EPT with the identity map and unrestricted guest where the processor has both', () => {
      const { machine } = startedVmm();
      const wanted = BigInt(SecondaryControl.EnableEpt | SecondaryControl.UnrestrictedGuest);
      expect(field(machine, VmcsField.SecondaryProcessorBasedVmExecutionControls) & wanted).to.equal(wanted);
      expect(field(machine, VmcsField.EptPointer) & 0xfffn).to.equal(0x1en);
    });

    it('does without EPT where the processor lacks it or its page sizes', () => {
      for (const [msr, value] of [
        [Msr.Ia32VmxProcbasedCtls2, 0x8_00000000n],
        [Msr.Ia32VmxEptVpidCap, 0n],
      ] as const) {
        const machine = new FakeMachine();
        machine.msr.set(msr, value);
        startedVmm([], machine);
        const secondary = field(machine, VmcsField.SecondaryProcessorBasedVmExecutionControls);
        expect(secondary & BigInt(SecondaryControl.EnableEpt)).to.equal(0n);
      }
    });

    it('starts each word of controls from what must be 1', () => {
      const { machine } = startedVmm();
      expect(field(machine, VmcsField.PinBasedVmExecutionControls)).to.equal(0x16n);
      expect(field(machine, VmcsField.PrimaryProcessorBasedVmExecutionControls)).to.equal(0x84006172n);
    });

    it('says every broken rule when it fails, and releases region, stack and VMX operation', () => {
      const machine = new FakeMachine();
      machine.succeeds.vmlaunch = false;
      const breaking: VmcsContribution = {
        name: 'breaking',
        setUp: (vmcs) => {
          vmcs.write(VmcsField.HostCr3, 1n << 60n);
          vmcs.write(VmcsField.Cr3TargetCount, 77n);
        },
      };
      const { vmm } = loadedVmm([contribute(breaking)], machine);
      const manager = vmm.container.get(MemoryManager);
      const error = causeOf(() => vmm.entry.startVmm(0n)) as VmEntryError;
      expect(error).to.be.instanceOf(VmEntryError);
      expect(error.message).to.match(
        /^VMLAUNCH failed: VM-instruction error 7, VM entry with invalid control fields\. 2 rules of SDM/,
      );
      expect(error.message)
        .to.match(/HOST_CR3 \(0x6c02\) = 0x1000000000000000/)
        .and.to.match(/CR3_TARGET_COUNT \(0x400a\) = 0x0000004d/);
      expect(error.rules).to.have.length(2);
      expect(machine.isVmxOn).to.equal(false);
      expect(machine.entry).to.equal(undefined);
      // The EPT stays; everything else of the page pool is free: its largest piece shows it.
      expect(() => manager.alloc(31 * 1024 * 1024)).to.not.throw();
    });

    for (const [how, write] of [
      ['by encoding', (vmcs: Vmcs) => vmcs.write(VmcsField.Cr3TargetCount, 77n)],
      ['by name', (vmcs: Vmcs) => vmcs.cr3TargetCount.set(77n)],
    ] as const)
      it(`says where a field was written last, in debug mode: ${how}`, () => {
        const machine = new FakeMachine();
        machine.succeeds.vmlaunch = false;
        @extension()
        class Traced extends VmcsIntelX64 {
          override traceWrites = true;
          protected override writeControl32BitFields(): void {
            super.writeControl32BitFields();
            write(this);
          }
        }
        const { vmm } = loadedVmm([vcpuModule(({ rebind }) => rebind(Vmcs).to(Traced))], machine);
        expect(causeOf(() => vmm.entry.startVmm(0n)).message).to.match(
          /CR3_TARGET_COUNT.*last written at (at )?[^\n]*\n[^\n]*writeControl32BitFields/s,
        );
      });

    it('writes the groups in order: guest, control, host, each by width, then the words of controls', () => {
      const machine = new FakeMachine();
      const order: string[] = [];
      const words = [
        VmcsField.PinBasedVmExecutionControls,
        VmcsField.PrimaryProcessorBasedVmExecutionControls,
        VmcsField.SecondaryProcessorBasedVmExecutionControls,
        VmcsField.VmExitControls,
        VmcsField.VmEntryControls,
      ] as readonly number[];
      const { vmwrite } = machine.vmx;
      Object.assign(machine.vmx, {
        vmwrite: (field: number, value: bigint) => {
          const { group } = vmcsFieldDefinition(field)!;
          const what = words.includes(field) ? `word ${words.indexOf(field)}` : `${group} ${widthOfField(field)}`;
          // The secondary controls bring the EPT pointer with them.
          if (order.at(-1) !== what && field !== VmcsField.EptPointer) order.push(what);
          return vmwrite(field, value);
        },
      });
      startedVmm([], machine);
      expect(order).to.deep.equal([
        ...['guest 16', 'guest 64', 'guest 32', 'guest natural'],
        ...['control 32', 'control natural'],
        ...['host 16', 'host 64', 'host 32', 'host natural'],
        ...['word 0', 'word 1', 'word 2', 'word 3', 'word 4'],
      ]);
    });

    it('enables the controls that the VMM needs', () => {
      const { machine } = startedVmm();
      const exit = ExitControl;
      const entry = EntryControl;
      const wanted: [number, number[]][] = [
        [VmcsField.PrimaryProcessorBasedVmExecutionControls, [PrimaryControl.ActivateSecondaryControls]],
        [VmcsField.SecondaryProcessorBasedVmExecutionControls, [SecondaryControl.EnableRdtscp]],
        [VmcsField.VmExitControls, [exit.SaveDebugControls, exit.HostAddressSpaceSize, exit.SaveIa32Pat]],
        [VmcsField.VmExitControls, [exit.LoadIa32Pat, exit.SaveIa32Efer, exit.LoadIa32Efer]],
        [VmcsField.VmExitControls, [exit.LoadIa32PerfGlobalCtrl]],
        [VmcsField.VmEntryControls, [entry.LoadDebugControls, entry.Ia32eModeGuest, entry.LoadIa32Pat]],
        [VmcsField.VmEntryControls, [entry.LoadIa32Efer, entry.LoadIa32PerfGlobalCtrl]],
      ];
      for (const [word, bits] of wanted) {
        for (const bit of bits) expect(field(machine, word) & BigInt(bit >>> 0)).to.equal(BigInt(bit >>> 0));
      }
    });

    it('does without optional controls that the processor does not allow', () => {
      const machine = new FakeMachine();
      const without = (msr: number, bit: number): unknown =>
        machine.msr.set(msr, machine.msr.get(msr)! & ~(BigInt(bit >>> 0) << 32n));
      without(Msr.Ia32VmxProcbasedCtls2, SecondaryControl.EnableRdtscp);
      without(Msr.Ia32VmxTrueExitCtls, ExitControl.LoadIa32PerfGlobalCtrl);
      without(Msr.Ia32VmxTrueEntryCtls, EntryControl.LoadIa32PerfGlobalCtrl);
      captureOutput(() => startedVmm([], machine));
      expect(machine.calls).to.include('vmlaunch');
      expect(field(machine, VmcsField.VmExitControls) & BigInt(ExitControl.LoadIa32PerfGlobalCtrl)).to.equal(0n);
    });

    const needed: [string, number, number, RegExp][] = [
      [
        'primary',
        Msr.Ia32VmxTrueProcbasedCtls,
        PrimaryControl.ActivateSecondaryControls,
        /activate_secondary_controls/,
      ],
      ['exit', Msr.Ia32VmxTrueExitCtls, ExitControl.SaveIa32Pat, /save_ia32_pat/],
      ['exit', Msr.Ia32VmxTrueExitCtls, ExitControl.HostAddressSpaceSize, /host_address_space_size/],
      ['entry', Msr.Ia32VmxTrueEntryCtls, EntryControl.LoadIa32Efer, /load_ia32_efer/],
      ['entry', Msr.Ia32VmxTrueEntryCtls, EntryControl.Ia32eModeGuest, /ia32e_mode_guest/],
    ];
    for (const [word, msr, bit, name] of needed) {
      it(`names the ${word} control that the VMM needs and the processor does not allow: ${name.source}`, () => {
        const machine = new FakeMachine();
        machine.msr.set(msr, machine.msr.get(msr)! & ~(BigInt(bit >>> 0) << 32n));
        const { vmm } = loadedVmm([], machine);
        const error = causeOf(() => vmm.entry.startVmm(0n));
        expect(error).to.be.instanceOf(VmcsError);
        expect(error.message).to.match(name).and.to.include('control is not allowed to be set to 1');
        expect([machine.isVmxOn, machine.entry]).to.deep.equal([false, undefined]);
      });
    }

    it('enters a guest of the vcpu’s own where its state says', () => {
      @extension()
      class OwnGuest extends GuestStateIntelX64 {
        override readonly isGuest = true;
        override init(): void {
          super.init();
          [this.rip, this.rsp] = [0x100000n, 0x200000n];
        }
      }
      const { machine, vmm } = loadedVmm([vcpuModule(({ rebind }) => rebind(GuestState).to(OwnGuest))]);
      vmm.vcpuManager.createVcpu(0x10000n);
      vmm.vcpuManager.runVcpu(0x10000n);
      expect([field(machine, VmcsField.GuestRip), field(machine, VmcsField.GuestRsp)]).to.deep.equal([
        0x100000n,
        0x200000n,
      ]);
      expect(machine.calls, 'VMX operation is that of the host vcpu').to.not.include('vmxon');
    });

    const shortage: [string, (bytes: number) => boolean][] = [
      ['the region', (bytes) => bytes === 4096],
      ['the exit stack', (bytes) => bytes === 65536],
    ];
    for (const [what, fails] of shortage) {
      it(`undoes everything when memory for ${what} runs out`, () => {
        const { vmm, machine } = loadedVmm();
        vmm.entry.startVmm(0n);
        vmm.entry.stopVmm(0n);
        const manager = vmm.container.get(MemoryManager);
        vmm.vcpuManager.createVcpu(0n);
        const pages = new Set<bigint>();
        const { alloc, free } = manager;
        // From here on: the next allocation of that size after VMXON's own region.
        Object.assign(manager, {
          alloc: (bytes: number) => {
            if (machine.calls.at(-1) === 'vmxon' && fails(bytes)) throw new OutOfMemoryError('used up');
            const address = alloc.call(manager, bytes);
            pages.add(address);
            return address;
          },
          free: (address: bigint) => {
            pages.delete(address);
            free.call(manager, address);
          },
        });
        machine.calls.length = 0;
        let error: unknown;
        captureOutput(() => {
          try {
            vmm.entry.startVmm(0n);
          } catch (thrown) {
            error = thrown;
          }
        });
        expect((error as EntryError).code).to.equal(ErrorCode.BF_BAD_ALLOC);
        expect([machine.isVmxOn, machine.entry, pages.size]).to.deep.equal([false, undefined, 0]);
      });
    }

    it('says that no VMCS is current when VMPTRLD failed and there is none', () => {
      const machine = new FakeMachine();
      machine.succeeds.vmptrld = false;
      machine.vmx.vmread = () => undefined;
      const { vmm } = loadedVmm([], machine);
      expect(causeOf(() => vmm.entry.startVmm(0n)).message).to.match(/VMPTRLD 0x1\w+ failed: no VMCS is current/);
    });

    for (const instruction of ['vmclear', 'vmptrld'] as const) {
      it(`undoes everything when ${instruction} fails`, () => {
        const machine = new FakeMachine();
        machine.succeeds[instruction] = false;
        const { vmm } = loadedVmm([], machine);
        const error = causeOf(() => vmm.entry.startVmm(0n));
        expect(error).to.be.instanceOf(VmxError);
        expect(error.message).to.match(new RegExp(`${instruction.toUpperCase()} 0x1\\w+ failed`));
        expect(machine.isVmxOn).to.equal(false);
      });
    }
  });

  describe('contributions', () => {
    it('run after the base has filled everything', () => {
      const seen: bigint[] = [];
      const look: VmcsContribution = { name: 'look', setUp: (vmcs) => void seen.push(vmcs.read(VmcsField.HostRip)) };
      startedVmm([contribute(look)]);
      expect(seen).to.deep.equal([0xffff800000001000n]);
    });

    it('may each enable their own controls', () => {
      const { machine } = startedVmm([
        contribute(
          { name: 'a', setUp: (vmcs) => vmcs.enable('primary', PrimaryControl.UseTscOffsetting) },
          { name: 'b', setUp: (vmcs) => vmcs.enable('primary', PrimaryControl.HltExiting) },
        ),
      ]);
      const both = BigInt(PrimaryControl.UseTscOffsetting | PrimaryControl.HltExiting);
      expect(field(machine, VmcsField.PrimaryProcessorBasedVmExecutionControls) & both).to.equal(both);
    });

    const conflicts: [string, VmcsContribution['setUp'], VmcsContribution['setUp']][] = [
      ['one field', (vmcs) => vmcs.write(VmcsField.TscOffset, 1n), (vmcs) => vmcs.write(VmcsField.TscOffset, 2n)],
      [
        'one control',
        (vmcs) => vmcs.enable('primary', PrimaryControl.HltExiting),
        (vmcs) => vmcs.disable('primary', PrimaryControl.HltExiting),
      ],
      [
        'a control through its word',
        (vmcs) => vmcs.enable('primary', PrimaryControl.HltExiting),
        (vmcs) => vmcs.write(VmcsField.PrimaryProcessorBasedVmExecutionControls, 0x84006172n),
      ],
    ];
    for (const [what, a, b] of conflicts) {
      it(`that give ${what} different values are an error that names both`, () => {
        const { vmm } = loadedVmm([contribute({ name: 'first', setUp: a }, { name: 'second', setUp: b })]);
        expect(causeOf(() => vmm.entry.startVmm(0n)).message).to.match(/'first' and 'second' give .* different values/);
      });
    }

    const belongToTheDriver: [string, VmcsContribution['setUp']][] = [
      ['GUEST_RIP', (vmcs) => vmcs.guestRip.set(1n)],
      ['GUEST_RSP', (vmcs) => vmcs.write(VmcsField.GuestRsp, 1n)],
      ['GUEST_RFLAGS', (vmcs) => vmcs.guestRflags.interruptEnableFlag.enable()],
      ['GUEST_RIP', (vmcs) => vmcs.writeHalves(VmcsField.GuestRip, 1, 0)],
      ['GUEST_CR3', (vmcs) => vmcs.guestCr3.set(0x1000n)],
      ['GUEST_CS_SELECTOR', (vmcs) => vmcs.guestCsSelector.set(8n)],
      ['GUEST_TR_ACCESS_RIGHTS', (vmcs) => vmcs.write(VmcsField.GuestTrAccessRights, 0x8bn)],
      ['GUEST_GS_BASE', (vmcs) => vmcs.guestGsBase.set(0x1000n)],
      ['GUEST_IDTR_LIMIT', (vmcs) => vmcs.guestIdtrLimit.set(0n)],
      ['GUEST_ACTIVITY_STATE', (vmcs) => vmcs.guestActivityState.set('hlt')],
    ];
    for (const [name, setUp] of belongToTheDriver) {
      it(`that write ${name}, which belongs to the driver’s context, are an error that names them`, () => {
        const { vmm } = loadedVmm([contribute({ name: 'mine', setUp })]);
        const error = causeOf(() => vmm.entry.startVmm(0n));
        expect(error).to.be.instanceOf(ContributionError);
        expect(error.message).to.match(
          new RegExp(`^'mine' writes ${name} \\(0x6?\\w+\\), but it belongs to the context of the driver`),
        );
      });
    }
  });

  describe('.resume', () => {
    it('throws every broken rule when VMRESUME fails', () => {
      const { machine } = startedVmm();
      machine.succeeds.vmresume = false;
      machine.error = 5n;
      const text = captureOutput(() => machine.exit(10));
      expect(text).to.include('VMRESUME failed: VM-instruction error 5');
      expect(machine.stops[0]).to.match(/vcpu 0, exit reason cpuid \(10\).*VmEntryError: VMRESUME failed/);
    });
  });

  describe('.promote', () => {
    it('gives the processor the guest’s state and goes on at its RIP', () => {
      const { machine } = startedVmm();
      const set = (encoding: number, value: bigint): unknown => machine.fields.set(encoding, value);
      set(VmcsField.GuestRip, 0x1234n);
      set(VmcsField.GuestRsp, 0x5678n);
      set(VmcsField.GuestRflags, 0x202n);
      set(VmcsField.GuestCr3, 0xa000n);
      set(VmcsField.GuestCr4, 0x26a0n);
      set(VmcsField.GuestDr7, 0x401n);
      set(VmcsField.GuestIa32Efer, 0xd00n);
      set(VmcsField.GuestFsBase, 0x77n);
      set(VmcsField.GuestGdtrBase, 0x5000n);
      set(VmcsField.GuestFsSelector, 0x18n);
      machine.exit(26, { length: 3 });
      expect(machine.returned).to.deep.equal({ rip: 0x1234n, rsp: 0x5678n, rflags: 0x202n });
      expect([machine.registers.cr3, machine.registers.cr4, machine.registers.dr7]).to.deep.equal([
        0xa000n,
        0x26a0n,
        0x401n,
      ]);
      expect(machine.msr.get(Msr.Ia32Efer)).to.equal(0xd00n);
      expect(machine.msr.get(Msr.Ia32FsBase)).to.equal(0x77n);
      expect(machine.selectors).to.include({ fs: 0x18, cs: 0x10, tr: 0x28 });
      expect(machine.gdt).to.deep.equal({ base: 0x5000n, limit: 0x3f });
      expect(machine.calls, 'the guest is not entered again').to.not.include('vmresume');
      expect(machine.stops).to.deep.equal([]);
    });

    it('loads no task register where the guest has none', () => {
      const { machine } = startedVmm();
      machine.fields.set(VmcsField.GuestTrSelector, 3n);
      machine.selectors.tr = 0x7777;
      machine.exit(26, { length: 3 });
      expect([machine.selectors.tr, machine.returned !== undefined]).to.deep.equal([0x7777, true]);
    });

    it('lets LTR find an available TSS', () => {
      const { machine } = startedVmm();
      let rights: bigint | undefined;
      Object.assign(machine.segments, {
        writeSelector: (name: string) => {
          if (name === 'tr') rights = (machine.memory.readPhysical64(0x5028n) >> 40n) & 0xffn;
        },
      });
      machine.exit(26, { length: 3 });
      expect(rights).to.equal(0x89n);
    });

    it('stops the processor when it does not go on', () => {
      const { machine } = startedVmm();
      machine.succeeds.returnTo = false;
      captureOutput(() => machine.exit(26, { length: 3 }));
      expect(machine.stops[0]).to.match(/promote: the processor did not go on/);
    });
  });
});
