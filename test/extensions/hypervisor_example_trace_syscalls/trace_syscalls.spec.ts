// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { EntryError, ExitReason, InterruptionBit, Msr, Rflags, Vector, VmcsField, vmmModule } from 'bareflank';
import traceSyscalls, { TrapAddress } from '../../../extensions/hypervisor_example_trace_syscalls/trace_syscalls.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { startedVmm } from '../../vmm/started_vmm.js';
import { runUnder } from '../extension_run.js';

const trap = 0xffff_8000_0000_0000n;
const entry = 0xffff_ffff_8100_0000n;

/** A guest that runs with an entry for its system calls when the VMM starts. */
function traced() {
  const machine = new FakeMachine();
  machine.msr.set(Msr.Ia32Lstar, entry);
  const { vmm } = startedVmm([traceSyscalls], machine);
  const { values } = machine.generalRegisters;
  const fault = (address: bigint, rip = address): void => {
    machine.fields.set(VmcsField.GuestRip, rip);
    machine.fields.set(VmcsField.GuestRflags, 2n | BigInt(Rflags.ResumeFlag));
    machine.registers.cr2 = 0n;
    machine.exit(ExitReason.ExceptionOrNonMaskableInterrupt, {
      qualification: address,
      fields: {
        [VmcsField.VmExitInterruptionInformation]: BigInt((InterruptionBit.Valid | 0xb00 | Vector.PageFault) >>> 0),
      },
    });
  };
  const access = (reason: ExitReason, value = 0n): bigint => {
    [values[0], values[1], values[2]] = [value & 0xffffffffn, BigInt(Msr.Ia32Lstar), value >> 32n];
    machine.fields.set(VmcsField.VmEntryInterruptionInformationField, 0n);
    machine.exit(reason);
    return (values[2] << 32n) | values[0];
  };
  return {
    machine,
    vmm,
    fault,
    access,
    values,
    rip: () => machine.fields.get(VmcsField.GuestRip),
    report: () => vmm.vcpuManager.reports()['trace-syscalls'],
  };
}

describe('TraceSyscalls', () => {
  it('leads SYSCALL to the guest’s own entry, and counts it by number', () => {
    const { machine, fault, values, rip, report } = traced();
    expect(machine.msr.get(Msr.Ia32Lstar)).to.equal(trap);
    for (const number of [1n, 0n, 1n]) {
      values[0] = number;
      fault(trap);
      expect(rip()).to.equal(entry);
    }
    expect(machine.fields.get(VmcsField.GuestRflags), 'RF').to.equal(2n);
    expect(machine.registers.cr2).to.equal(0n);
    expect(report()).to.deep.equal({ calls: 3, 'number 0': 1, 'number 1': 2 });
  });

  it('gives the guest every other page fault', () => {
    const { machine, fault, rip, report } = traced();
    const isGiven = (): void => {
      expect(machine.fields.get(VmcsField.VmEntryInterruptionInformationField)! & 0xffn).to.equal(14n);
      machine.fields.set(VmcsField.VmEntryInterruptionInformationField, 0n);
    };
    fault(trap + 8n);
    expect([rip(), machine.registers.cr2]).to.deep.equal([trap + 8n, trap + 8n]);
    isGiven();
    fault(trap, 0x401000n); // a read of the trap address
    isGiven();
    machine.fields.set(VmcsField.GuestSsAccessRights, machine.fields.get(VmcsField.GuestSsAccessRights)! | 0x60n);
    fault(trap); // a jump of user mode
    expect([rip(), machine.registers.cr2]).to.deep.equal([trap, trap]);
    isGiven();
    expect(report()).to.deep.equal({ calls: 0 });
  });

  it('lets the guest read and move its entry, and refuses what is not canonical', () => {
    const { machine, fault, access, rip } = traced();
    expect(access(ExitReason.Rdmsr)).to.equal(entry);
    access(ExitReason.Wrmsr, entry + 64n);
    expect(access(ExitReason.Rdmsr)).to.equal(entry + 64n);
    access(ExitReason.Wrmsr, 1n << 63n);
    expect(machine.fields.get(VmcsField.VmEntryInterruptionInformationField)! & 0xffn).to.equal(13n);
    expect(machine.msr.get(Msr.Ia32Lstar)).to.equal(trap);
    fault(trap);
    expect(rip()).to.equal(entry + 64n);
  });

  it('counts no more than 512 numbers apart', () => {
    const { fault, values, report } = traced();
    for (let number = 0n; number < 600n; number++) {
      values[0] = number;
      fault(trap);
    }
    expect(report()).to.have.property('calls', 600);
    expect(Object.keys(report()!)).to.have.length(513);
  });

  it('gives the processor the guest’s entry back when the VMM stops, and takes it again', () => {
    const { machine, vmm } = traced();
    captureOutput(() => vmm.entry.stopVmm(0n));
    expect(machine.msr.get(Msr.Ia32Lstar)).to.equal(entry);
    captureOutput(() => vmm.entry.startVmm(0n));
    expect(machine.msr.get(Msr.Ia32Lstar)).to.equal(trap);
  });

  it('gives it back when the launch fails', () => {
    const machine = new FakeMachine();
    machine.msr.set(Msr.Ia32Lstar, entry);
    machine.succeeds.vmlaunch = false;
    expect(() => captureOutput(() => startedVmm([traceSyscalls], machine))).to.throw(EntryError);
    expect(machine.msr.get(Msr.Ia32Lstar)).to.equal(entry);
  });

  it('refuses a trap address that IA32_LSTAR cannot have', () => {
    const address = vmmModule(({ rebind }) => rebind(TrapAddress).toConstantValue(1n << 63n));
    const machine = new FakeMachine();
    machine.msr.set(Msr.Ia32Lstar, entry);
    expect(() => captureOutput(() => startedVmm([traceSyscalls, address], machine))).to.throw(
      EntryError,
      '--set trace_syscalls.trap_address=0x8000000000000000: IA32_LSTAR cannot have this value: it must be a canonical address',
    );
    expect(machine.msr.get(Msr.Ia32Lstar)).to.equal(entry);
  });

  it('sees the system calls of a guest, with one exit for each, and shows the guest its own IA32_LSTAR', async () => {
    const setMsr = (msr: number): string[] => [`mov ecx, ${msr}`, 'wrmsr'];
    const { results, reports, exits, vmm } = await runUnder(
      'trace_syscalls',
      [
        'mov rdi, rbx',
        'mov ecx, 0xc0000080',
        'rdmsr',
        'or eax, 1',
        'wrmsr', // EFER.SCE
        'mov rax, cs',
        'mov edx, eax',
        'xor eax, eax',
        ...setMsr(Msr.Ia32Star),
        'lea rax, [rip + entry]',
        'xor edx, edx',
        ...setMsr(Msr.Ia32Lstar),
        'rdmsr',
        'mov [rdi], rax',
        'lea rdx, [rip + entry]',
        'mov [rdi + 8], rdx',
        'mov eax, 39',
        'syscall',
        'mov eax, 60',
        'syscall',
        'jmp done',
        'entry: add [rdi + 16], rax',
        'inc qword ptr [rdi + 24]',
        'jmp rcx',
        'done: nop',
      ],
      { 'trace_syscalls.log': '1' },
    );
    expect(results[0]).to.equal(results[1]).and.to.not.equal(0n);
    expect([results[2], results[3]]).to.deep.equal([99n, 2n]);
    expect(reports).to.deep.equal({ 'trace-syscalls': { calls: 2, 'number 39': 1, 'number 60': 1 } });
    expect(exits[ExitReason.ExceptionOrNonMaskableInterrupt]).to.equal(2);
    expect(vmm).to.match(/system call 39 \(0x300000, /);
    expect(vmm).to.not.contain('system call 60');
  });
});
