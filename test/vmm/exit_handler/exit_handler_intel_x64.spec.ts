// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason, exitReasonDefinitions } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { CpuidContribution } from '../../../src/vmm/contributions/cpuid_contribution.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { ExitHandler } from '../../../src/vmm/exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import type { FakeMachine } from '../../support/fake_machine.js';
import { captureOutput } from '../capture_output.js';
import { startedVmm } from '../started_vmm.js';

const [rax, rcx, rdx, rbx] = [0, 1, 2, 3];
const rip = 0x401000n;
const generalProtection = 0x80000b0dn;
const invalidOpcode = 0x80000306n;

/** A guest in 64-bit code at `rip`, its registers full of ones. */
function guest(modules: readonly PartModule[] = []) {
  const { machine, vmm } = startedVmm(modules);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  const set = (encoding: number, value: bigint): unknown => machine.fields.set(encoding, value);
  set(VmcsField.GuestRip, rip);
  machine.generalRegisters.values.fill(0xffffffffffffffffn);
  machine.calls.length = 0;
  return { machine, vmm, field, set, values: machine.generalRegisters.values };
}

const bound = <T>(symbol: symbol, ...all: T[]): PartModule =>
  vcpuModule(({ bind }) => all.forEach((each) => bind<T>(symbol).toConstantValue(each)));

/** What the guest got: an injected event, or 0n. */
const injected = (machine: FakeMachine): bigint =>
  machine.fields.get(VmcsField.VmEntryInterruptionInformationField) ?? 0n;
const resumed = (machine: FakeMachine): boolean => machine.calls.includes('vmresume');

describe('ExitHandlerIntelX64', () => {
  describe('CPUID', () => {
    it('executes it, clears the upper halves, steps over it and resumes', () => {
      const { machine, values, field } = guest();
      values[rax] = 0xffffffff_80000008n;
      machine.exit(ExitReason.Cpuid);
      expect([values[rax], values[rbx], values[rcx], values[rdx]]).to.deep.equal([0x3027n, 0n, 0n, 0n]);
      expect(field(VmcsField.GuestRip)).to.equal(rip + 2n);
      expect(resumed(machine)).to.equal(true);
    });

    it('mirrors the guest’s own CR4 in OSXSAVE and OSPKE', () => {
      const { machine, values, set } = guest();
      const ask = (leaf: bigint, cr4: bigint): bigint => {
        set(VmcsField.GuestCr4, cr4);
        [values[rax], values[rcx]] = [leaf, 0n];
        machine.exit(ExitReason.Cpuid);
        return values[rcx]!;
      };
      machine.leaves.set(1, [0, 0, 1 << 27, 0]).set(7, [0, 0, 1 << 4, 0]);
      expect(ask(1n, 0n)).to.equal(0n);
      expect(ask(1n, 1n << 18n)).to.equal(1n << 27n);
      expect(ask(7n, 0n)).to.equal(0n);
      expect(ask(7n, 1n << 22n)).to.equal(1n << 4n);
    });

    it('lets contributions change a leaf in place; one that returns true is the last', () => {
      const seen: string[] = [];
      const contribution = (name: string, last: boolean): CpuidContribution => ({
        name,
        leaves: [0x80000008],
        handleCpuid: (_leaf, subleaf, registers) => {
          seen.push(`${name} ${subleaf} ${registers[0]}`);
          registers[0]!++;
          return last;
        },
      });
      const { machine, values } = guest([
        bound(CpuidContribution, contribution('c', false), contribution('b', true), contribution('a', false)),
      ]);
      [values[rax], values[rcx]] = [0x80000008n, 3n];
      machine.exit(ExitReason.Cpuid);
      expect(seen).to.deep.equal(['a 3 12327', 'b 3 12328']);
      expect(values[rax]).to.equal(0x3029n);
      values[rax] = 0n;
      machine.exit(ExitReason.Cpuid);
      expect(seen, 'other leaves are not theirs').to.have.length(2);
    });
  });

  describe('RDMSR', () => {
    const read = (all: ReturnType<typeof guest>, msr: bigint): bigint => {
      all.values[rcx] = msr;
      all.machine.exit(ExitReason.Rdmsr);
      return (all.values[rdx]! << 32n) | all.values[rax]!;
    };

    const inVmcs: [number, number][] = [
      [0x1d9, VmcsField.GuestIa32Debugctl],
      [0x277, VmcsField.GuestIa32Pat],
      [0xc0000080, VmcsField.GuestIa32Efer],
      [0x38f, VmcsField.GuestIa32PerfGlobalCtrl],
      [0x174, VmcsField.GuestIa32SysenterCs],
      [0x175, VmcsField.GuestIa32SysenterEsp],
      [0x176, VmcsField.GuestIa32SysenterEip],
      [0xc0000100, VmcsField.GuestFsBase],
      [0xc0000101, VmcsField.GuestGsBase],
    ];
    for (const [msr, field] of inVmcs) {
      it(`of 0x${msr.toString(16)} reads the VMCS field 0x${field.toString(16)}`, () => {
        const all = guest();
        all.set(field, 0x12345678_9abcdef0n);
        expect(read(all, BigInt(msr))).to.equal(0x12345678_9abcdef0n);
        expect(all.values[rax]! >> 32n, 'upper half').to.equal(0n);
      });
    }

    for (const msr of [0x31n, 0x39n, 0x1aen, 0x1afn, 0x602n]) {
      it(`of 0x${msr.toString(16)}, which Bareflank 1.1 answered with 0, is #GP where the processor lacks it`, () => {
        const all = guest();
        all.values[rcx] = msr;
        all.machine.exit(ExitReason.Rdmsr);
        expect(injected(all.machine)).to.equal(generalProtection);
        expect(all.field(VmcsField.GuestRip)).to.equal(rip);
      });
    }

    it('of all else reads the processor, and looks at ECX only', () => {
      const all = guest();
      all.machine.msr.set(0x1b, 0xfee00900n);
      expect(read(all, 0xdeadbeef_0000001bn)).to.equal(0xfee00900n);
      expect(all.field(VmcsField.GuestRip)).to.equal(rip + 2n);
    });

    it('of an MSR that does not exist is the guest’s #GP, at the instruction', () => {
      const all = guest();
      all.values[rcx] = 0x12345n;
      all.machine.exit(ExitReason.Rdmsr);
      expect(injected(all.machine)).to.equal(generalProtection);
      expect(all.field(VmcsField.VmEntryExceptionErrorCode)).to.equal(0n);
      expect(all.field(VmcsField.GuestRip)).to.equal(rip);
      expect(resumed(all.machine)).to.equal(true);
    });

    it('asks contributions first', () => {
      const contribution: MsrContribution = { name: 'mine', msrs: [0x1b], handleMsrRead: (msr) => BigInt(msr) << 32n };
      expect(read(guest([bound(MsrContribution, contribution)]), 0x1bn)).to.equal(0x1b_00000000n);
    });
  });

  describe('WRMSR', () => {
    const write = (all: ReturnType<typeof guest>, msr: bigint, value: bigint): void => {
      [all.values[rcx], all.values[rax], all.values[rdx]] = [
        msr,
        0xffffffff_00000000n | (value & 0xffffffffn),
        0xffffffff_00000000n | (value >> 32n),
      ];
      all.machine.exit(ExitReason.Wrmsr);
    };

    const inVmcs: [string, bigint, number, bigint][] = [
      ['DEBUGCTL', 0x1d9n, VmcsField.GuestIa32Debugctl, 0x3n],
      ['PAT', 0x277n, VmcsField.GuestIa32Pat, 0x0007050600070406n],
      ['EFER', 0xc0000080n, VmcsField.GuestIa32Efer, 0xd00n],
      ['PERF_GLOBAL_CTRL', 0x38fn, VmcsField.GuestIa32PerfGlobalCtrl, 0x7_000000ffn],
      ['SYSENTER_CS', 0x174n, VmcsField.GuestIa32SysenterCs, 0x10n],
      ['SYSENTER_ESP', 0x175n, VmcsField.GuestIa32SysenterEsp, 0xffff800000001000n],
      ['SYSENTER_EIP', 0x176n, VmcsField.GuestIa32SysenterEip, 0x7fffffffffffn],
      ['FS_BASE', 0xc0000100n, VmcsField.GuestFsBase, 0x12345n],
      ['GS_BASE', 0xc0000101n, VmcsField.GuestGsBase, 0xffff888000000000n],
    ];
    for (const [name, msr, field, value] of inVmcs) {
      it(`of ${name} writes its VMCS field, and not the processor’s`, () => {
        const all = guest();
        const before = all.machine.msr.get(Number(msr));
        write(all, msr, value);
        expect(all.field(field)).to.equal(value);
        expect(all.machine.msr.get(Number(msr))).to.equal(before);
        expect(all.field(VmcsField.GuestRip)).to.equal(rip + 2n);
      });
    }

    it('writes the processor’s for all else', () => {
      const all = guest();
      write(all, 0xc0000103n, 5n);
      expect(all.machine.msr.get(0xc0000103)).to.equal(5n);
    });

    const invalid: [string, bigint, bigint][] = [
      ['PAT with a reserved memory type', 0x277n, 0x0202020202020202n],
      ['PAT with a type above 7', 0x277n, 0x08n],
      ['DEBUGCTL with a reserved bit', 0x1d9n, 0x20n],
      ['FS_BASE that is not canonical', 0xc0000100n, 1n << 62n],
      ['GS_BASE that is not canonical', 0xc0000101n, 0x800000000000n],
      ['SYSENTER_ESP that is not canonical', 0x175n, 0xffff7fffffffffffn],
      ['SYSENTER_EIP that is not canonical', 0x176n, 0x800000000000n],
      ['PERF_GLOBAL_CTRL with a reserved bit', 0x38fn, 1n << 40n],
      ['EFER with a reserved bit', 0xc0000080n, 0xd01n | 4n],
      ['EFER with another LME while paging is on', 0xc0000080n, 0xc01n],
      ['an MSR that does not exist', 0x54321n, 0n],
    ];
    for (const [what, msr, value] of invalid) {
      it(`of ${what} is the guest’s #GP`, () => {
        const all = guest();
        write(all, msr, value);
        expect(injected(all.machine)).to.equal(generalProtection);
        expect(all.field(VmcsField.GuestRip)).to.equal(rip);
      });
    }

    it('leaves EFER.LMA to the processor', () => {
      const all = guest();
      write(all, 0xc0000080n, 0x900n);
      expect(all.field(VmcsField.GuestIa32Efer)).to.equal(0xd00n);
    });

    it('does not ask contributions for other MSRs, nor those that only read', () => {
      const log: string[] = [];
      const all = guest([
        bound<MsrContribution>(
          MsrContribution,
          {
            name: 'a other',
            msrs: [0x10],
            handleMsrRead: () => (log.push('other'), 1n),
            handleMsrWrite: () => (log.push('other'), true),
          },
          { name: 'b reads', msrs: [0xc0000103], handleMsrRead: () => void log.push('read') },
          { name: 'c writes', msrs: [0xc0000103], handleMsrWrite: () => (log.push('write'), false) },
        ),
      ]);
      write(all, 0xc0000103n, 6n);
      expect(all.machine.msr.get(0xc0000103)).to.equal(6n);
      all.machine.exit(ExitReason.Rdmsr);
      expect([all.values[rax], log]).to.deep.equal([6n, ['write', 'read']]);
    });

    it('asks contributions first; what they do not take goes on', () => {
      const taken: bigint[] = [];
      const contribution: MsrContribution = {
        name: 'mine',
        msrs: [0xc0000103],
        handleMsrWrite: (_msr, value) => {
          taken.push(value);
          return value === 1n;
        },
      };
      const all = guest([bound(MsrContribution, contribution)]);
      write(all, 0xc0000103n, 1n);
      expect(all.machine.msr.get(0xc0000103)).to.equal(0n);
      write(all, 0xc0000103n, 2n);
      expect(all.machine.msr.get(0xc0000103)).to.equal(2n);
      expect(taken).to.deep.equal([1n, 2n]);
    });
  });

  describe('XSETBV', () => {
    it('sets XCR0 for the guest', () => {
      const { machine, values } = guest();
      [values[rcx], values[rax], values[rdx]] = [0n, 3n, 0n];
      machine.exit(ExitReason.Xsetbv, { length: 3 });
      expect(machine.registers.xcr0).to.equal(3n);
      expect(machine.fields.get(VmcsField.GuestRip)).to.equal(rip + 3n);
    });

    it('is the guest’s #GP for a value that XCR0 cannot have', () => {
      const { machine, values } = guest();
      [values[rcx], values[rax], values[rdx]] = [0n, 2n, 0n];
      machine.exit(ExitReason.Xsetbv, { length: 3 });
      expect(injected(machine)).to.equal(generalProtection);
    });
  });

  it('does INVD as WBINVD', () => {
    for (const reason of [ExitReason.Invd, ExitReason.Wbinvd]) {
      const { machine, field } = guest();
      machine.exit(reason);
      expect(machine.calls).to.include('wbinvd').and.not.include('invd');
      expect(field(VmcsField.GuestRip)).to.equal(rip + 2n);
    }
  });

  describe('instructions that the guest has not', () => {
    const reasons = [
      ExitReason.Getsec,
      ExitReason.Vmclear,
      ExitReason.Vmlaunch,
      ExitReason.Vmptrld,
      ExitReason.Vmptrst,
      ExitReason.Vmread,
      ExitReason.Vmresume,
      ExitReason.Vmwrite,
      ExitReason.Vmxon,
      ExitReason.Invept,
      ExitReason.Invvpid,
      ExitReason.Vmfunc,
    ];
    for (const reason of reasons) {
      it(`are #UD: exit ${reason}`, () => {
        const { machine, field } = guest();
        machine.exit(reason, { length: 3 });
        expect(injected(machine)).to.equal(invalidOpcode);
        expect(field(VmcsField.GuestRip)).to.equal(rip);
        expect(resumed(machine)).to.equal(true);
      });
    }
  });

  describe('VMXOFF', () => {
    it('of the driver promotes', () => {
      const { machine } = guest();
      machine.exit(ExitReason.Vmxoff, { length: 3 });
      expect(machine.returned?.rip).to.equal(rip);
      expect(resumed(machine)).to.equal(false);
    });

    it('of a guest is #UD, whatever its privilege level', () => {
      for (const rights of [0xc093n, 0xc0f3n]) {
        const { machine, set } = guest();
        machine.driverContext = false;
        set(VmcsField.GuestSsAccessRights, rights);
        machine.exit(ExitReason.Vmxoff, { length: 3 });
        expect(injected(machine)).to.equal(invalidOpcode);
        expect([machine.returned, resumed(machine)]).to.deep.equal([undefined, true]);
      }
    });
  });

  describe('exceptions', () => {
    it('that nobody handles are the guest’s, with their error code and CR2', () => {
      const { machine, field } = guest();
      machine.exit(ExitReason.ExceptionOrNonMaskableInterrupt, {
        qualification: 0x1234n,
        fields: { [VmcsField.VmExitInterruptionInformation]: 0x80000b0en, [VmcsField.VmExitInterruptionErrorCode]: 2n },
      });
      expect(injected(machine)).to.equal(0x80000b0en);
      expect(field(VmcsField.VmEntryExceptionErrorCode)).to.equal(2n);
      expect(machine.registers.cr2).to.equal(0x1234n);
    });

    it('of software carry the length of their instruction', () => {
      const { machine, field } = guest();
      machine.exit(ExitReason.ExceptionOrNonMaskableInterrupt, {
        length: 1,
        fields: { [VmcsField.VmExitInterruptionInformation]: 0x80000603n },
      });
      expect(injected(machine)).to.equal(0x80000603n);
      expect(field(VmcsField.VmEntryInstructionLength)).to.equal(1n);
    });

    it('lose the bit that says how an NMI was unblocked', () => {
      const { machine } = guest();
      machine.exit(ExitReason.ExceptionOrNonMaskableInterrupt, {
        fields: { [VmcsField.VmExitInterruptionInformation]: 0x80001202n },
      });
      expect(injected(machine)).to.equal(0x80000202n);
    });
  });

  describe('I/O', () => {
    const io = (port: number, size: number, isIn: boolean, extra = 0): bigint =>
      BigInt((port << 16) | (size - 1) | (isIn ? 8 : 0) | extra);

    it('reads and writes the port in the width of the instruction', () => {
      const { machine, values } = guest();
      machine.ports.set(0x60, 0x12345678);
      values[rax] = 0xffffffffffffffffn;
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x60, 1, true) });
      expect(values[rax]).to.equal(0xffffffffffffff78n);
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x60, 2, true) });
      expect(values[rax]).to.equal(0xffffffffffff5678n);
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x60, 4, true) });
      expect(values[rax], 'EAX clears the upper half').to.equal(0x12345678n);
      machine.portWrites.length = 0;
      values[rax] = 0xaabbccddn;
      for (const size of [1, 2, 4]) machine.exit(ExitReason.IoInstruction, { qualification: io(0x80, size, false) });
      expect(machine.portWrites).to.deep.equal([
        [0x80, 0xdd],
        [0x80, 0xccdd],
        [0x80, 0xaabbccdd],
      ]);
    });

    it('leaves what contributions do not answer to the next one, and to the port', () => {
      const log: string[] = [];
      const all: PortContribution[] = [
        { name: 'a elsewhere', ports: [0x71], handlePortRead: () => log.push('wrong port') },
        { name: 'b writes', ports: [0x70], handlePortWrite: () => (log.push('write'), false) },
        { name: 'c reads', ports: [0x70], handlePortRead: () => void log.push('read') },
      ];
      const { machine, values } = guest([bound(PortContribution, ...all)]);
      machine.ports.set(0x70, 0x42);
      machine.portWrites.length = 0;
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x70, 1, true) });
      expect(values[rax]! & 0xffn).to.equal(0x42n);
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x70, 1, false) });
      expect(machine.portWrites).to.deep.equal([[0x70, 0x42]]);
      expect(log).to.deep.equal(['read', 'write']);
    });

    it('asks contributions first', () => {
      const written: number[] = [];
      const contribution: PortContribution = {
        name: 'mine',
        ports: [0x70],
        handlePortRead: () => 0x99,
        handlePortWrite: (_port, _size, value) => {
          written.push(value);
          return true;
        },
      };
      const { machine, values } = guest([bound(PortContribution, contribution)]);
      machine.portWrites.length = 0;
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x70, 1, false) });
      machine.exit(ExitReason.IoInstruction, { qualification: io(0x70, 1, true) });
      expect(written).to.deep.equal([0xff]);
      expect(values[rax]! & 0xffn).to.equal(0x99n);
      expect(machine.portWrites).to.deep.equal([]);
    });
  });

  it('lets HLT wait in the HLT activity state, after the instruction', () => {
    const { machine, field } = guest();
    machine.exit(ExitReason.Hlt, { length: 1 });
    expect(field(VmcsField.GuestActivityState)).to.equal(1n);
    expect(field(VmcsField.GuestRip)).to.equal(rip + 1n);
  });

  it('steps over PAUSE and MWAIT', () => {
    for (const reason of [ExitReason.Pause, ExitReason.Mwait]) {
      const { machine, field, values } = guest();
      values[rcx] = 0n;
      machine.exit(reason);
      expect(field(VmcsField.GuestRip)).to.equal(rip + 2n);
      expect(machine.stops).to.deep.equal([]);
    }
  });

  describe('the time stamp', () => {
    const primary = VmcsField.PrimaryProcessorBasedVmExecutionControls;
    /** A guest with an offset of −1 in its VMCS, which counts if "use TSC offsetting" is 1. */
    function withOffset(isUsed: boolean) {
      const all = guest();
      all.set(VmcsField.TscOffset, 0xffffffffffffffffn);
      if (isUsed) all.set(primary, all.field(primary) | BigInt(PrimaryControl.UseTscOffsetting));
      return all;
    }

    it('is the processor’s plus the offset, for RDTSC and RDTSCP', () => {
      const { machine, values } = withOffset(true);
      machine.exit(ExitReason.Rdtsc);
      expect([values[rdx], values[rax]]).to.deep.equal([1n, 1n]);
      machine.msr.set(Msr.Ia32TscAux, 7n);
      machine.exit(ExitReason.Rdtscp, { length: 3 });
      expect([values[rdx], values[rax], values[rcx]]).to.deep.equal([1n, 2n, 7n]);
    });

    it('is the processor’s while "use TSC offsetting" is 0, for RDTSC, RDTSCP and RDMSR, and so is the deadline', () => {
      const { machine, values } = withOffset(false);
      machine.exit(ExitReason.Rdtsc);
      expect([values[rdx], values[rax]]).to.deep.equal([1n, 2n]);
      machine.exit(ExitReason.Rdtscp, { length: 3 });
      expect([values[rdx], values[rax]]).to.deep.equal([1n, 3n]);
      machine.msr.set(Msr.Ia32TimeStampCounter, 50n).set(Msr.Ia32TscDeadline, 60n);
      values[rcx] = BigInt(Msr.Ia32TimeStampCounter);
      machine.exit(ExitReason.Rdmsr);
      expect(values[rax]).to.equal(50n);
      values[rcx] = BigInt(Msr.Ia32TscDeadline);
      machine.exit(ExitReason.Rdmsr);
      expect(values[rax]).to.equal(60n);
      machine.exit(ExitReason.Wrmsr);
      expect(machine.msr.get(Msr.Ia32TscDeadline)).to.equal(60n);
    });

    it('moves IA32_TSC_DEADLINE along, and an offset never arms or disarms the timer', () => {
      const { machine, values } = withOffset(true);
      const access = (reason: ExitReason, value = 0n): bigint => {
        [values[rcx], values[rax], values[rdx]] = [BigInt(Msr.Ia32TscDeadline), value & 0xffffffffn, value >> 32n];
        machine.exit(reason);
        return (values[rdx]! << 32n) | values[rax]!;
      };
      machine.msr.set(Msr.Ia32TscDeadline, 0n);
      access(ExitReason.Wrmsr, 100n);
      expect(machine.msr.get(Msr.Ia32TscDeadline), 'the guest is 1 behind').to.equal(101n);
      expect(access(ExitReason.Rdmsr)).to.equal(100n);
      access(ExitReason.Wrmsr, 0n);
      expect(machine.msr.get(Msr.Ia32TscDeadline), '0 disarms').to.equal(0n);
      expect(access(ExitReason.Rdmsr)).to.equal(0n);
      access(ExitReason.Wrmsr, 0xffffffffffffffffn);
      expect(machine.msr.get(Msr.Ia32TscDeadline), '0 would disarm').to.equal(1n);
      expect(access(ExitReason.Rdmsr), '0 would say that none is armed').to.equal(1n);
    });
  });

  describe('INVLPG', () => {
    it('needs nothing without VPID', () => {
      const { machine } = guest();
      machine.exit(ExitReason.Invlpg, { qualification: 0x1000n });
      expect(machine.invvpids).to.deep.equal([]);
    });

    const vpid: VmcsContribution = {
      name: 'vpid',
      setUp: (vmcs) => {
        vmcs.write(VmcsField.VirtualProcessorIdentifier, 9n);
        vmcs.enable('secondary', SecondaryControl.EnableVpid);
      },
    };

    it('stops the processor with a report if INVVPID fails', () => {
      const { machine } = guest([bound(VmcsContribution, vpid)]);
      Object.assign(machine.vmx, { invvpid: () => false });
      machine.error = 28n;
      machine.fields.set(VmcsField.VmInstructionError, machine.error);
      captureOutput(() => machine.exit(ExitReason.Invlpg, { qualification: 0x1000n }));
      expect(machine.stops[0]).to.match(
        /INVVPID of type 0 \(\w+\), VPID 0x9, address 0x\w+ failed: VM-instruction error 28, /,
      );
    });

    it('does nothing for an address that is not canonical, which INVVPID would refuse', () => {
      const { machine, field } = guest([bound(VmcsContribution, vpid)]);
      machine.exit(ExitReason.Invlpg, { qualification: 0x8000_0000_0000n });
      expect(machine.invvpids).to.deep.equal([]);
      expect(field(VmcsField.GuestRip)).to.equal(rip + 2n);
    });

    it('invalidates the vcpu’s own translations with VPID', () => {
      const { machine } = guest([bound(VmcsContribution, vpid)]);
      machine.exit(ExitReason.Invlpg, { qualification: 0x1000n });
      expect(machine.invvpids).to.deep.equal([[0, 9, 0x1000n]]);
    });
  });

  describe('the end of a guest', () => {
    it('stops the processor on a triple fault, saying where, after the guest’s registers', () => {
      const { machine } = guest();
      const text = captureOutput(() => machine.exit(ExitReason.TripleFault));
      expect(machine.stops).to.deep.equal(['the guest of vcpu 0 triple-faulted at RIP 0x401000']);
      expect(text).to.match(/Guest register state.*rax +0xffffffffffffffff.*rip +0x0000000000401000/s);
      expect(text).to.match(/FATAL ERROR: CPU Halted\nvcpuid: 0x0/);
      expect(resumed(machine)).to.equal(false);
    });

    const handled = new Set<number>([
      0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
      36, 37, 39, 40, 46, 47, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61,
    ]);
    for (const { number, name } of exitReasonDefinitions.filter(({ number: each }) => !handled.has(each))) {
      it(`reports the unimplemented exit ${number}, ${name}, and stops`, () => {
        const { machine } = guest();
        const text = captureOutput(() => machine.exit(number, { qualification: 0x77n }));
        expect(text).to.match(
          new RegExp(`Unimplemented Exit Handler.*exit reason name +${name}.*exit qualification +0x77`, 's'),
        );
        expect(machine.stops[0]).to.match(new RegExp(`unimplemented exit ${name} \\(${number}\\): \\w+`));
        expect(resumed(machine)).to.equal(false);
      });
    }

    it('gives the guest the fault of a task switch: a TSS beyond the GDT is #GP with its selector', () => {
      const { machine, set, field } = guest();
      set(VmcsField.GuestGdtrLimit, 0x27n);
      machine.exit(ExitReason.TaskSwitch, { qualification: 0x8000_0028n });
      expect(machine.stops).to.deep.equal([]);
      expect(field(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000b0dn);
      expect(field(VmcsField.VmEntryExceptionErrorCode)).to.equal(0x28n);
    });

    for (const reason of [255, 256, 0xffff]) {
      it(`reports exit ${reason}, which the manual does not know`, () => {
        const { machine } = guest();
        captureOutput(() => machine.exit(reason));
        expect(machine.stops[0]).to.match(new RegExp(`unknown_exit_reason_${reason}`));
      });
    }

    it('reports a VM entry that failed late, with every broken rule and a dump', () => {
      const { machine, set } = guest();
      set(VmcsField.GuestRflags, 0n);
      const text = captureOutput(() => machine.exit(0x80000021));
      expect(machine.stops[0]).to.match(
        /VM-entry failure, exit reason vm_entry_failure_invalid_guest_state \(0x80000021\).*GUEST_RFLAGS/s,
      );
      expect(text).to.match(/natural width guest fields/);
    });
  });

  describe('INIT and start-up IPI', () => {
    it('put the guest into the state after INIT, waiting, and then into real mode at the vector', () => {
      const { machine, field } = guest();
      machine.registers.debugAddresses.fill(0x1234n);
      machine.registers.dr6 = 0xffff0fffn;
      machine.registers.cr2 = 0x5000n;
      machine.exit(ExitReason.InitSignal);
      expect(field(VmcsField.GuestActivityState)).to.equal(3n);
      expect(field(VmcsField.GuestCr0) & 0x80000001n).to.equal(0n);
      expect(field(VmcsField.GuestIa32Efer)).to.equal(0n);
      const [rax, rcx, rdx, ...others] = machine.generalRegisters.values;
      expect(rdx, "the processor's signature").to.equal(0x506e3n);
      expect([rax, rcx, ...others].every((value) => value === 0n)).to.equal(true);
      const { debugAddresses, dr6, cr2 } = machine.registers;
      expect([...debugAddresses, dr6, cr2], 'DR6 has its fixed bits by the processor').to.deep.equal([
        0n,
        0n,
        0n,
        0n,
        0n,
        0n,
      ]);
      machine.exit(ExitReason.Sipi, { qualification: 0x9an });
      expect(field(VmcsField.GuestCsSelector)).to.equal(0x9a00n);
      expect(field(VmcsField.GuestCsBase)).to.equal(0x9a000n);
      expect(field(VmcsField.GuestRip)).to.equal(0n);
      expect(field(VmcsField.GuestActivityState)).to.equal(0n);
      expect(machine.stops).to.deep.equal([]);
    });

    it('let the bootstrap processor begin at the reset vector, also where nothing can wait for SIPI', () => {
      const { machine, field } = guest();
      machine.msr.set(Msr.Ia32ApicBase, 0xfee00900n);
      machine.msr.set(Msr.Ia32VmxMisc, 0n);
      machine.exit(ExitReason.InitSignal);
      expect(machine.stops).to.deep.equal([]);
      expect(field(VmcsField.GuestActivityState)).to.equal(0n);
      expect([field(VmcsField.GuestCsBase), field(VmcsField.GuestRip)]).to.deep.equal([0xffff0000n, 0xfff0n]);
    });

    it('stop the processor, saying what is missing, without unrestricted guest', () => {
      const { machine, set } = guest();
      set(VmcsField.SecondaryProcessorBasedVmExecutionControls, 0n);
      captureOutput(() => machine.exit(ExitReason.InitSignal));
      expect(machine.stops[0]).to.match(/INIT signal.*unrestricted guest/);
    });

    it('stop the processor where it cannot wait for SIPI', () => {
      const { machine } = guest();
      machine.msr.set(Msr.Ia32VmxMisc, 0n);
      captureOutput(() => machine.exit(ExitReason.Sipi));
      expect(machine.stops[0]).to.match(/wait-for-SIPI/);
    });
  });

  describe('contributions', () => {
    const exits = (
      name: string,
      result: boolean,
      log: string[],
      extra: Partial<ExitContribution> = {},
    ): ExitContribution => ({
      name,
      reasons: [ExitReason.Cpuid, ExitReason.TripleFault],
      handleExit: () => {
        log.push(name);
        return result;
      },
      ...extra,
    });

    it('are asked in order until one returns true; the base comes last', () => {
      const log: string[] = [];
      const { machine, values, field } = guest([
        bound(ExitContribution, exits('b', true, log), exits('c', false, log), exits('a', false, log)),
      ]);
      machine.exit(ExitReason.Cpuid);
      expect(log).to.deep.equal(['a', 'b']);
      expect(values[rax], 'the base did nothing').to.equal(0xffffffffffffffffn);
      expect(field(VmcsField.GuestRip)).to.equal(rip);
      expect(resumed(machine)).to.equal(true);
    });

    it('that answer with a Promise stop the processor, with a report that names them', () => {
      const late = { ...exits('late', true, []), handleExit: () => Promise.resolve(true) as unknown as boolean };
      const { machine } = guest([bound(ExitContribution, late)]);
      machine.exit(ExitReason.Cpuid);
      expect(resumed(machine)).to.equal(false);
      expect(machine.stops[0]).to.match(/'late' must return true .* a VM exit cannot wait/);
    });

    it('obey before and after', () => {
      const log: string[] = [];
      const { machine } = guest([
        bound(
          ExitContribution,
          exits('a', false, log, { after: ['z'] }),
          exits('m', false, log, { before: ['z'] }),
          exits('z', false, log),
        ),
      ]);
      machine.exit(ExitReason.Cpuid);
      expect(log).to.deep.equal(['m', 'z', 'a']);
    });

    it('are asked for their reasons only', () => {
      const log: string[] = [];
      const { machine } = guest([bound(ExitContribution, exits('a', true, log))]);
      machine.exit(ExitReason.Wbinvd);
      expect(log).to.deep.equal([]);
      machine.exit(ExitReason.TripleFault);
      expect(machine.stops, 'one can keep the guest alive').to.deep.equal([]);
    });

    it('that throw stop the processor; the report names contribution, exit and error', () => {
      const throwing: ExitContribution = {
        name: 'thrower',
        reasons: [ExitReason.Cpuid],
        handleExit: () => {
          throw new TypeError('oh no');
        },
      };
      const { machine } = guest([bound(ExitContribution, throwing)]);
      const text = captureOutput(() => machine.exit(ExitReason.Cpuid));
      expect(machine.stops).to.deep.equal(['vcpu 0, exit reason cpuid (10), handler thrower: TypeError: oh no']);
      expect(text).to.include('Exit Handler Threw').and.to.include('oh no');
    });
  });

  it('stops whatever a handler throws, and names the class that runs', () => {
    @extension()
    class Unusual extends ExitHandlerIntelX64 {
      protected override handleWbinvd(): void {
        throw 'a text';
      }
    }
    const { machine } = guest([vcpuModule(({ rebind }) => rebind(ExitHandler).to(Unusual))]);
    const text = captureOutput(() => machine.exit(ExitReason.Wbinvd));
    expect(machine.stops).to.deep.equal(['vcpu 0, exit reason wbinvd (54), handler Unusual: a text']);
    expect(text).to.include('ERROR: vcpu 0, exit reason wbinvd (54), handler Unusual: a text');
    expect(resumed(machine)).to.equal(false);
  });

  it('stops the processor even if the report itself cannot be made', () => {
    const { machine } = guest();
    machine.vmx.vmread = () => {
      throw new Error('VMREAD is broken');
    };
    captureOutput(() => machine.exit(ExitReason.Rsm));
    expect(machine.stops).to.have.length(1);
    expect(machine.stops[0]).to.match(/unimplemented exit rsm/);
  });

  it('lets every handler be overridden', () => {
    const log: string[] = [];
    @extension()
    class Mine extends ExitHandlerIntelX64 {
      protected override handleCpuid(): void {
        log.push('cpuid');
        super.handleCpuid();
      }

      protected override handleTripleFault(): void {
        log.push('triple fault');
      }
    }
    const { machine, field } = guest([vcpuModule(({ rebind }) => rebind(ExitHandler).to(Mine))]);
    machine.exit(ExitReason.Cpuid);
    machine.exit(ExitReason.TripleFault);
    expect(log).to.deep.equal(['cpuid', 'triple fault']);
    expect(field(VmcsField.GuestRip)).to.equal(rip + 2n);
  });
});
